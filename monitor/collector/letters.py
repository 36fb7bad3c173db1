"""What is kept of exchanges that could not be read: dead letters."""

import math
from base64 import b64encode
from collections.abc import Sequence

import orjson

from monitor.decoders import DecodeError, Exchange

MAX_DEAD_LETTER_BYTES = 64 * 1024
MODEL_ERROR_EVERY_S = 60.0


class ModelErrors:
    """Which requests that a model failed are kept: of each monitor and status one a minute.

    A model that is down fails every request, with nothing in it to be read one day; a letter for
    each would fill the topic. They are counted all the same, and told in reports.
    """

    def __init__(self) -> None:
        self._kept_at: dict[tuple[str, int], float] = {}

    def is_kept(self, monitor: str, exchange: Exchange) -> bool:
        """By when the request came; a clock that was set back holds nothing up."""
        which = monitor, exchange.status
        if abs(exchange.arrived_at - self._kept_at.get(which, -math.inf)) < MODEL_ERROR_EVERY_S:
            return False
        self._kept_at[which] = exchange.arrived_at
        return True


def dead_letter(exchange: Exchange, error: DecodeError, *, with_bodies: bool) -> bytes:
    """That something could not be read, and why, as JSON.

    with_bodies: what was wrong in detail, and of each body its beginning, in base64. What cannot
    be read cannot be redacted, so nothing of it leaves unless the monitor's document wants it.
    """
    letter: dict[str, object] = {
        "reason": error.reason,
        "path": exchange.path.partition("?")[0],
        "request_id": exchange.request_id,
        "status": exchange.status,
        "arrived_at": exchange.arrived_at,
        "request_bytes": sum(map(len, exchange.request)),
        "response_bytes": sum(map(len, exchange.response)),
    }
    if with_bodies:
        letter["detail"] = str(error)
        letter["request"] = _beginning(exchange.request)
        letter["response"] = _beginning(exchange.response)
    return orjson.dumps(letter)


def _beginning(pieces: Sequence[bytes]) -> str:
    return b64encode(b"".join(pieces)[:MAX_DEAD_LETTER_BYTES]).decode("ascii")
