"""What of two reports is not the same."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from math import isclose
from typing import Any

TOLERANCE = 1e-9
"""Relative, of numbers: sums of profiles are exact, but what follows from them is rounded."""


@dataclass(frozen=True, slots=True)
class Difference:
    """path: keys and positions, such as "columns.x.current.mean"; names stand for positions where
    things have names."""

    path: str
    reported: Any
    replayed: Any


def differences(
    reported: Mapping[str, Any], replayed: Mapping[str, Any], *, left_out: Collection[str] = ()
) -> list[Difference]:
    """Of two reports as JSON, in the order of the first, but for some of their keys."""
    one, other = (
        {key: value for key, value in body.items() if key not in left_out}
        for body in (reported, replayed)
    )
    return list(_differ(one, other, ""))


def _differ(one: Any, other: Any, path: str) -> Iterator[Difference]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in {**one, **other}:
            yield from _differ(one.get(key), other.get(key), f"{path}.{key}".lstrip("."))
    elif isinstance(one, list) and isinstance(other, list):
        yield from _differ(_named(one), _named(other), path)
    elif not _is_same(one, other):
        yield Difference(path, one, other)


def _named(items: list[Any]) -> dict[str, Any]:
    """Things by their names, or by their positions where not all have one of their own."""
    named = {str(item["name"]): item for item in items if isinstance(item, dict) and "name" in item}
    return named if len(named) == len(items) else {str(i): item for i, item in enumerate(items)}


def _is_same(one: Any, other: Any) -> bool:
    if isinstance(one, float) or isinstance(other, float):
        return _is_number(one) and _is_number(other) and isclose(one, other, rel_tol=TOLERANCE)
    return bool(one == other)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
