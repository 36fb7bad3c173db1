"""Drift that is put into data, to see whether a monitor finds it: pure functions of tables."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from detectors.columns import Floats
from monitor.batches.times import parse_microseconds
from monitor.files import FileError
from monitor.spec.durations import parse_duration

SD = "sd"

_KEYS: Mapping[str, frozenset[str]] = {
    "shift": frozenset({"by"}),
    "scale": frozenset({"by"}),
    "missing": frozenset({"share"}),
    "replace": frozenset({"share", "with"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Injection:
    """One change of one column, from a moment on.

    text: the words that asked for it.
    kind: shift adds `amount`, scale multiplies by it; missing empties, and replace sets to
        `value`, the share `amount` of the rows. in_sd: whether the amount of a shift is in standard
        deviations of the reference. start: seconds since 1970. over_s: how long it takes to grow,
        linearly, to its full strength; 0 for at once.
    """

    text: str
    kind: str
    column: str
    amount: float
    start: float
    in_sd: bool = False
    value: str = ""
    over_s: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Of "shift:column=x,by=0.5sd,from=2026-03-01". Raises ValueError, saying what is wrong."""
        kind, _, rest = text.partition(":")
        if kind not in _KEYS:
            raise ValueError(f"{kind!r} is none of {', '.join(_KEYS)}")
        given = dict(_pair(part) for part in rest.split(","))
        needed = {"column", "from", *_KEYS[kind]}
        if lacking := sorted(needed - given.keys()):
            raise ValueError(f"{kind} needs {lacking[0]}=…")
        if unknown := sorted(given.keys() - needed - {"over"}):
            raise ValueError(f"{kind} has no {unknown[0]!r}")
        amount = given.get("by") or given["share"]
        in_sd = kind == "shift" and amount.endswith(SD)
        return cls(
            text=text,
            kind=kind,
            column=given["column"],
            amount=_amount(kind, amount.removesuffix(SD) if in_sd else amount),
            start=_moment(given["from"]),
            in_sd=in_sd,
            value=given.get("with", ""),
            over_s=parse_duration(given.get("over", 0)),
        )

    def strength(self, times: Floats) -> Floats:
        """(rows,) of the full change, 0 to 1, at each time."""
        if self.over_s == 0:
            begun: Floats = (times >= self.start).astype(np.float64)
            return begun
        grown: Floats = np.clip((times - self.start) / self.over_s, 0.0, 1.0)
        return grown


def inject(
    table: pa.Table,
    times: Floats,
    injection: Injection,
    *,
    sds: Mapping[str, float],
    rng: np.random.Generator,
) -> pa.Table:
    """The table with the change in it; the column keeps its type.

    times: (rows,) seconds since 1970. sds: of the reference's numbers, by column.
    Raises FileError where the column is not there, or holds what cannot be changed so.
    """
    where = table.schema.get_field_index(injection.column)
    if where < 0:
        raise FileError(f"there is no column {injection.column!r} to inject drift into")
    before = table.column(where).combine_chunks()
    try:
        after = _CHANGES[injection.kind](before, injection, injection.strength(times), sds, rng)
    except pa.ArrowException as error:
        kind, name = injection.kind, injection.column
        raise FileError(f"{kind} cannot be done to {name!r}, {before.type}: {error}") from error
    return table.set_column(where, injection.column, after)


def _shifted(
    values: pa.Array,
    injection: Injection,
    strength: Floats,
    sds: Mapping[str, float],
    _: np.random.Generator,
) -> pa.Array:
    unit = 1.0
    if injection.in_sd:
        if injection.column not in sds:
            raise FileError(f"{injection.column!r} is no number in the reference: it has no sd")
        unit = sds[injection.column]
    return _numbers(values, pc.add(_floats(values), pa.array(injection.amount * unit * strength)))


def _scaled(
    values: pa.Array,
    injection: Injection,
    strength: Floats,
    _: Mapping[str, float],
    __: np.random.Generator,
) -> pa.Array:
    factors = pa.array(1 + (injection.amount - 1) * strength)
    return _numbers(values, pc.multiply(_floats(values), factors))


def _emptied(
    values: pa.Array,
    injection: Injection,
    strength: Floats,
    _: Mapping[str, float],
    rng: np.random.Generator,
) -> pa.Array:
    hit = _hit(strength * injection.amount, rng)
    return pc.if_else(pa.array(hit), pa.scalar(None, values.type), values)


def _replaced(
    values: pa.Array,
    injection: Injection,
    strength: Floats,
    _: Mapping[str, float],
    rng: np.random.Generator,
) -> pa.Array:
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    hit = _hit(strength * injection.amount, rng)
    return pc.if_else(pa.array(hit), pa.scalar(injection.value).cast(values.type), values)


_Change = Callable[
    [pa.Array, Injection, Floats, Mapping[str, float], np.random.Generator], pa.Array
]
_CHANGES: Mapping[str, _Change] = {
    "shift": _shifted,
    "scale": _scaled,
    "missing": _emptied,
    "replace": _replaced,
}


def _hit(shares: Floats, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which rows are changed: each by chance, so that a larger share hits the same and more."""
    hit: NDArray[np.bool_] = rng.random(len(shares)) < shares
    return hit


def _floats(values: pa.Array) -> pa.Array:
    if pa.types.is_string(values.type) or pa.types.is_boolean(values.type):
        raise pa.ArrowInvalid("it holds no numbers")
    return values.cast(pa.float64(), safe=False)


def _numbers(before: pa.Array, after: pa.Array) -> pa.Array:
    """Changed numbers in the type that they had; whole ones stay whole."""
    is_whole = pa.types.is_integer(before.type)
    return (pc.round(after) if is_whole else after).cast(before.type, safe=False)


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not value:
        raise ValueError(f"{text!r} is not key=value")
    return key.strip(), value.strip()


def _amount(kind: str, text: str) -> float:
    try:
        amount = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a number") from None
    if not np.isfinite(amount):
        raise ValueError(f"{text!r} is not finite")
    if "share" in _KEYS[kind] and not 0 < amount <= 1:
        raise ValueError(f"share={text} is not between 0 and 1")
    return amount


def _moment(text: str) -> float:
    micros = parse_microseconds(text)
    if micros is None:
        raise ValueError(f"from={text!r} is not a time such as 2026-03-01 or 2026-03-01T12:00Z")
    return micros / 1e6
