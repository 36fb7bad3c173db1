"""From a request and its answer to rows: one file a format, found by the request's path."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from monitor.decoders import kserve_v1, open_inference_v2
from monitor.decoders.exchange import Columns, Decoded, DecodeError, Exchange

__all__ = ["DECODERS", "Claim", "Columns", "DecodeError", "Decoded", "Decoder", "Exchange", "claim"]


@dataclass(frozen=True, slots=True)
class Decoder:
    """One format.

    path: of the requests that it reads; the group `model` is the model's name.
    decode: pure; raises DecodeError for whatever is not in its format, and nothing else.
    """

    name: str
    path: re.Pattern[str]
    decode: Callable[[Exchange, Columns], Decoded]


DECODERS = tuple(
    Decoder(module.NAME, module.PATH, module.decode) for module in (kserve_v1, open_inference_v2)
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A path that a decoder reads, and the model that it names."""

    decoder: Decoder
    model: str


@lru_cache(maxsize=1024)
def claim(target: str) -> Claim | None:
    """Who reads the predictions behind a request target; None if nobody does."""
    path = target.partition("?")[0]
    for decoder in DECODERS:
        if match := decoder.path.fullmatch(path):
            return Claim(decoder, unquote(match["model"]))
    return None
