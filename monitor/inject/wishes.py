"""What a pod's annotations say of its collector."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

PREFIX = "driftmeter.dev/"
INJECT = PREFIX + "inject"
PUSH_TOKENS = PREFIX + "push-tokens"

NAMES = ("inject", "container", "port", "upstream-port", "grpc-port", "push-tokens")

NO_TOKEN = "0" * 64
"""Of no token is this the SHA-256, as far as anybody knows: nobody may push."""


class RefusedError(ValueError):
    """A pod that is to have a collector cannot have one; the message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """inject: None where nothing is said. port, grpc_port: by name or number, where callers reach
    the model. upstream_port: where the model listens, if it has moved aside for the collector.
    """

    inject: bool | None = None
    container: str | None = None
    port: str | None = None
    upstream_port: int | None = None
    grpc_port: str | None = None

    @classmethod
    def of(cls, annotations: Mapping[str, str]) -> Self:
        """Raises RefusedError for an annotation that is not known or makes no sense."""
        given = {k.removeprefix(PREFIX): v for k, v in annotations.items() if k.startswith(PREFIX)}
        if unknown := sorted(given.keys() - set(NAMES)):
            known = ", ".join(NAMES)
            raise RefusedError(f"there is no annotation {PREFIX}{unknown[0]}; there are {known}")
        return cls(
            inject=_truth(given.get("inject")),
            container=given.get("container"),
            port=given.get("port"),
            upstream_port=_number(given.get("upstream-port")),
            grpc_port=given.get("grpc-port"),
        )


def _truth(text: str | None) -> bool | None:
    if text not in (None, "true", "false"):
        raise RefusedError(f'{INJECT} is {text!r}: write "true" or "false", in quotes')
    return None if text is None else text == "true"


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdigit() or not 0 < int(text) < 65_536:
        raise RefusedError(f"{PREFIX}upstream-port is {text!r}, not the number of a port")
    return int(text)
