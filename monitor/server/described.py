"""What an operation of the API answers, for its description."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation answers where it succeeds. type: one of `answers`, or a list of them."""

    type: Any
    example: Mapping[str, Any]
