"""Two samples of numbers, each value counted in a bin of its own and in bins with others."""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from scipy.special import ndtri

from detectors.columns import Counts, Floats

VALUES = np.array([-9.0, -4.5, -4.0, -1.0, 0.0, 0.5, 1.0, 2.0, 2.5, 7.0, 11.0, 30.0])


@dataclass(frozen=True)
class Rounded:
    """exact: (2, VALUES) counts. starts: (bins,) where among VALUES each bin begins."""

    exact: Counts
    starts: Counts

    @property
    def binned(self) -> Counts:
        counts: Counts = np.add.reduceat(self.exact, self.starts, axis=-1)
        return counts

    @property
    def positions(self) -> Floats:
        """(bins,) the lowest value of each bin, where its mass is taken to lie."""
        return VALUES[self.starts]

    @property
    def carried(self) -> Floats:
        """(bins,) how far the highest value of each bin is from there."""
        highest: Floats = VALUES[np.append(self.starts[1:], len(VALUES)) - 1]
        return highest - self.positions

    @property
    def shares(self) -> Floats:
        """(2, bins)."""
        shares: Floats = self.binned / self.binned.sum(axis=-1, keepdims=True)
        return shares

    @property
    def largest_shared(self) -> float:
        """The largest share of a side that a bin with several distinct values holds."""
        several = np.add.reduceat(self.exact.any(axis=0).astype(np.int64), self.starts) > 1
        return float(self.shares.max(where=several, initial=0.0))


def rounded_samples() -> st.SearchStrategy[Rounded]:
    few = st.one_of(st.just(0), st.integers(0, 9))
    side = st.lists(few, min_size=len(VALUES), max_size=len(VALUES))
    sides = st.tuples(side.filter(any), side.filter(any))
    cuts = st.sets(st.integers(1, len(VALUES) - 1), max_size=len(VALUES) - 1)
    return st.builds(
        lambda counts, at: Rounded(np.array(counts), np.array([0, *sorted(at)])), sides, cuts
    )


def each_value_a_bin(reference: Floats, current: Floats) -> tuple[Counts, Counts]:
    """(distinct values,) counts of both samples."""
    distinct = np.unique(np.concatenate([reference, current]))
    first, second = (
        np.bincount(np.searchsorted(distinct, side), minlength=len(distinct)).astype(np.int64)
        for side in (reference, current)
    )
    return first, second


def normal_scores(n: int, mean: float = 0.0, sd: float = 1.0) -> Floats:
    """The n quantiles at (i + ½)/n: a sample that is the same everywhere."""
    return np.asarray(mean + sd * ndtri((np.arange(n) + 0.5) / n))
