"""Rulers: where a number lies among a few thousand keys, read off the leading bits of a float.

    key = leading bits of the float32  slope · x + intercept

That number is 1 at the reference's minimum (or maximum) and grows from there. Its bits grow with
it, in steps that are even up to 2 and double with every octave. So by its slope a ruler is
anything from linear to logarithmic, laid on from either end. A table from keys to bins is many
times quicker than a binary search, and exact where edges of bins lie at ends of keys.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.columns import Floats

N_KEYS = (1 << 13, 1 << 15, 1 << 18)
"""As few as are finer than the bins: the table should stay in the processor's cache."""

FINE = 6
"""So many keys between two marks are enough."""

_FINE_ENOUGH = 0.95
_STEEPNESS = 2.0 ** np.arange(0, 34, 3)

LARGEST = 1e36
"""Larger values, whose differences could overflow a float32, have no ruler."""

Singles = NDArray[np.float32]
Keys = NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruler:
    """From values to keys, which never decrease as values grow.

    slope, intercept: exact in float32. The slope is negative where the ruler begins at the
        greatest value and is read backwards.
    shift: bits left out. origin: the leading bits at the end where the ruler begins.
    n_keys: 0 and n_keys - 1 are the keys of everything that lies outside, and of NaN.
    """

    slope: float
    intercept: float
    shift: int
    origin: int
    n_keys: int

    @staticmethod
    def read(meta: Mapping[str, Any]) -> "Ruler":
        """Raises ValueError, KeyError or TypeError where the numbers are not a ruler's."""
        slope, intercept = float(np.float32(meta["slope"])), float(np.float32(meta["intercept"]))
        shift, origin, n_keys = (int(meta[name]) for name in ("shift", "origin", "n_keys"))
        if not (np.isfinite([slope, intercept]).all() and slope and 1 <= shift < 31):
            raise ValueError(f"a ruler of slope {slope}, intercept {intercept}, shift {shift}")
        if not (0 <= origin < 1 << 30 and 3 <= n_keys <= max(N_KEYS)):
            raise ValueError(f"a ruler of {n_keys} keys from {origin} on")
        return Ruler(slope=slope, intercept=intercept, shift=shift, origin=origin, n_keys=n_keys)

    def positions(self, values: Singles) -> Keys:
        """(rows,) -> (rows,) how many keys from the end where the ruler begins, 1 at that end.

        They are still to be clipped to 0 … n_keys - 1.
        """
        bits = _bits(values, self.slope, self.intercept)
        np.right_shift(bits, self.shift, out=bits)
        return np.subtract(bits, self.origin - 1, out=bits)

    def keys(self, values: Singles) -> Keys:
        """(rows,) -> (rows,) keys."""
        with np.errstate(over="ignore", invalid="ignore"):  # infinity has bits, too
            positions = np.clip(self.positions(values), 0, self.n_keys - 1)
        return positions if self.slope > 0 else self.n_keys - 1 - positions

    def last_values(self, keys: NDArray[np.integer]) -> Singles:
        """(k,) keys -> (k,) the largest float32 of each key or below it, found by bisection."""
        ends = _ordinal(np.array([-np.inf, np.inf], dtype=np.float32))
        low, high = np.full(len(keys), ends[0]), np.full(len(keys), ends[1])
        while (high - low > 1).any():
            middle = (low + high) // 2
            is_below = self.keys(_single(middle)) <= keys
            low, high = np.where(is_below, middle, low), np.where(is_below, high, middle)
        return _single(low)


def rulers_of(marks: Floats) -> Iterator[Ruler]:
    """Rulers that keep marks apart, with ever more keys; none where float32 is too coarse.

    marks: (k,) increasing finite values, the least and the greatest of a column among them.
    """
    if max(abs(marks[0]), abs(marks[-1])) > LARGEST:
        return
    singles = marks.astype(np.float32)
    for n_keys in N_KEYS:
        candidates = [ruler for ruler in _candidates(singles, n_keys) if ruler is not None]
        fineness = [_fineness(ruler, singles) for ruler in candidates]
        best = int(np.argmax(fineness)) if candidates else -1
        if best >= 0 and fineness[best] >= _FINE_ENOUGH:
            yield candidates[best]


def largest_double(singles: Singles) -> Floats:
    """(k,) the largest float64 that float32 rounds to each value or below it."""
    doubles = singles.astype(np.float64)
    between: Floats = doubles / 2 + np.nextafter(singles, np.float32(np.inf)).astype(np.float64) / 2
    rounds_up = between.astype(np.float32) > singles
    return np.where(rounds_up, np.nextafter(between, -np.inf), between)


def _candidates(marks: Singles, n_keys: int) -> Iterator[Ruler | None]:
    low, high = float(marks[0]), float(marks[-1])
    extent = (high - low) or abs(low) or 1.0
    for end, sign in ((low, 1.0), (high, -1.0)):
        for steepness in _STEEPNESS.tolist():
            yield _ruler(marks, sign * steepness / extent, end, n_keys)


def _ruler(marks: Singles, slope: float, end: float, n_keys: int) -> Ruler | None:
    """The ruler that is 1 at `end`; None where its numbers leave the range of float32."""
    if not 1 / LARGEST < abs(slope) < LARGEST or abs(slope * end) > LARGEST:
        return None
    intercept = 1 - float(np.float32(slope)) * end
    lowest, highest = np.sort(_bits(marks[[0, -1]], slope, intercept)).tolist()
    if lowest < 0:  # so coarse that it is not 1 at its own end
        return None
    shift = 1
    while (highest >> shift) - (lowest >> shift) > n_keys - 3:
        shift += 1
    return Ruler(
        slope=float(np.float32(slope)),
        intercept=float(np.float32(intercept)),
        shift=shift,
        origin=lowest >> shift,
        n_keys=(highest >> shift) - (lowest >> shift) + 3,
    )


def _bits(values: Singles, slope: float, intercept: float) -> Keys:
    scaled = np.multiply(values, np.float32(slope))
    np.add(scaled, np.float32(intercept), out=scaled)
    return scaled.view(np.int32)


def _fineness(ruler: Ruler, marks: Singles) -> float:
    """From 0, all marks share a key, to 1, there are at least `FINE` between any two."""
    if len(marks) == 1:
        return 1.0
    gaps = np.diff(ruler.keys(marks))
    return float(np.minimum(gaps, FINE).mean() / FINE)


def _ordinal(singles: Singles) -> NDArray[np.int64]:
    """Whole numbers in the order of the values, one for each float32."""
    bits = singles.view(np.int32).astype(np.int64)
    return np.where(bits < 0, -(bits + 2**31) - 1, bits)


def _single(ordinals: NDArray[np.int64]) -> Singles:
    bits = np.where(ordinals < 0, -(ordinals + 1) - 2**31, ordinals)
    return bits.astype(np.int32).view(np.float32)
