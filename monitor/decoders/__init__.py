"""From a request and its answer to rows: one file a format, found by the request's path."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from monitor.decoders import (
    bentoml,
    mlflow,
    open_inference_grpc,
    open_inference_v2,
    openai_embeddings,
    sagemaker,
    seldon_v1,
    tf_serving,
    torchserve,
)
from monitor.decoders.exchange import Columns, Decoded, DecodeError, Exchange

__all__ = ["DECODERS", "Claim", "Columns", "DecodeError", "Decoded", "Decoder", "Exchange", "claim"]


@dataclass(frozen=True, slots=True)
class Decoder:
    """One format.

    path: of the requests that it reads; the group `model`, if there is one, is the model's name.
    decode: pure; raises DecodeError for whatever is not in its format, and nothing else.
    model: the name of the model, of formats that have it in the body; None where it says none.
    """

    name: str
    path: re.Pattern[str]
    decode: Callable[[Exchange, Columns], Decoded]
    model: Callable[[Exchange], str | None] | None = None


DECODERS = tuple(
    Decoder(module.NAME, module.PATH, module.decode, getattr(module, "model", None))
    for module in (
        tf_serving,
        open_inference_v2,
        open_inference_grpc,
        mlflow,
        seldon_v1,
        torchserve,
        openai_embeddings,
        sagemaker,
        bentoml,
    )
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A path that a decoder reads, and the model that it names, if it names one."""

    decoder: Decoder
    model: str | None


@lru_cache(maxsize=1024)
def claim(target: str) -> Claim | None:
    """Who reads the predictions behind a request target; None if nobody does."""
    path = target.partition("?")[0]
    for decoder in DECODERS:
        if match := decoder.path.fullmatch(path):
            model = match.groupdict().get("model")
            return Claim(decoder, None if model is None else unquote(model))
    return None
