"""One request to a model and its answer, as they were seen; what a decoder makes of it."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

Headers = Sequence[tuple[bytes, bytes]]

ORPHANED = 0
"""The status of an exchange of which only one side was logged."""


class Exchange(NamedTuple):
    """A request and its answer; a tuple, because the proxy makes one for every request.

    arrived_at: when the request came, seconds since 1970. latency_s: until the answer was complete.
    request, response: the bodies in pieces, as they came. may_push: the monitors that whoever has
    logged it may push to; None for all of them.
    """

    path: str
    request_id: str
    arrived_at: float
    latency_s: float
    status: int
    request_headers: Headers
    response_headers: Headers
    request: Sequence[bytes]
    response: Sequence[bytes]
    may_push: Container[str] | None = None

    @property
    def size_bytes(self) -> int:
        return sum(map(len, self.request)) + sum(map(len, self.response))


class Reason(StrEnum):
    """Why an exchange is not read: the whole set."""

    NO_MONITOR = "no monitor"
    MODEL_ERROR = "model error"
    ORPHANED = "orphaned"
    NOT_JSON = "not JSON"
    NOT_CSV = "not CSV"
    NOT_PROTOBUF = "not protobuf"
    UNKNOWN_ENCODING = "unknown encoding"
    BAD_GZIP = "bad gzip"
    TOO_LARGE = "too large"
    WRONG_SHAPE = "wrong shape"
    WRONG_LENGTH = "wrong length"
    BINARY_TENSORS = "binary tensors"


class DecodeError(ValueError):
    """An exchange that cannot be read as predictions. detail: for people."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Columns:
    """How a monitor calls what a body may leave without a name.

    features: in the order of nameless rows; empty while the monitor has no reference.
    prediction: the model's output.
    vectors: those of the features that are vectors.
    """

    features: Sequence[str]
    prediction: str
    vectors: frozenset[str] = frozenset()

    @property
    def vector(self) -> str | None:
        """The feature that a nameless row of numbers is, where it is the only one and a vector."""
        alone = len(self.features) == 1 and self.features[0] in self.vectors
        return self.features[0] if alone else None


@dataclass(frozen=True, slots=True)
class Decoded:
    """The rows of one exchange, column by column; each column has n values.

    model_version: of the model that answered, as the exchange names it; empty where it does not.
    """

    columns: Mapping[str, Sequence[object]]
    n: int
    model_version: str = ""


def header(headers: Headers, name: bytes) -> bytes | None:
    """The first value of a header; the name in lower case."""
    for key, value in headers:
        if key.lower() == name:
            return value
    return None
