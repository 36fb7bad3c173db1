"""What the decision looks at: signed numbers that are linear in a window's counts.

Being linear they add up over partitions, and their variance can be learned from the windows
of the reference. A numeric column has the first four orthonormal polynomials of its ranks
(where it lies, how wide, how skew, how heavy its tails are) and the shares of values beyond the
reference's range; a category column the share of every level; and every column its missing share.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from detectors.bins import MISSING, NumericColumn
from detectors.bins.ranks import rank_polynomials
from detectors.columns import Counts, Floats, Role
from detectors.reference import ERROR, Reference


class Kind(IntEnum):
    """What a component is the mean of; from OUTSIDE on it is a share of rows."""

    LOCATION = 1
    SPREAD = 2
    SKEW = 3
    TAILS = 4
    OUTSIDE = 5
    LEVEL = 6
    MISSING = 7


# A location moves most often; the weights of a column's components are scaled to sum to 1. Of
# what hardly ever occurs a few rows are beyond chance, whatever the weight: a small one costs
# nothing, and a large one would go unused.
_MISSING_WEIGHT = 0.06
_NUMERIC_WEIGHTS = {
    Kind.LOCATION: 0.45,
    Kind.SPREAD: 0.20,
    Kind.SKEW: 0.10,
    Kind.TAILS: 0.10,
    Kind.OUTSIDE: 0.02,
    Kind.MISSING: _MISSING_WEIGHT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Probe:
    """The components of one column: the means of what its `loadings` give each of its values.

    slots: of the column, in the order of `loadings`. loadings: (slots, components).
    """

    slots: NDArray[np.intp]
    kinds: tuple[Kind, ...]
    weights: tuple[float, ...]
    loadings: Floats


@dataclass(frozen=True, slots=True)
class Measurement:
    """The components of one window, or of a stack of windows.

    values: (..., components) mean polynomial score, or raw share; NaN where n is 0.
    n: (..., components) how many values each is the mean of.
    """

    values: Floats
    n: Floats

    def whole(self) -> "Measurement":
        """(windows, components) -> (components,) of all windows together."""
        total = self.n.sum(axis=0)
        sums = (np.nan_to_num(self.values) * self.n).sum(axis=0)
        values = np.divide(sums, total, out=np.full(total.shape, np.nan), where=total > 0)
        return Measurement(values, total)

    def beside(self, other: "Measurement") -> "Measurement":
        """These components, and then those."""
        return Measurement(
            np.concatenate([self.values, other.values], axis=-1),
            np.concatenate([self.n, other.n], axis=-1),
        )

    def at(self, where: NDArray[np.intp]) -> "Measurement":
        """Of some of the components."""
        return Measurement(self.values[..., where], self.n[..., where])


@dataclass(frozen=True, slots=True, kw_only=True)
class Components:
    """Every component of every column that decides, column after column.

    column_indices: positions of the deciding columns among the reference's.
    column: (components,) position of the component's column in `column_indices`.
    weight: (components,) prior plausibility; sums to 1 within a column.
    population: (components,) components of one population vary alike from window to window and
        lend one another strength: those of one kind, scores apart from what they are scores of.
    skewness: (components,) third standardised moment of one row; 0 for shares, whose law is
        known without it.
    loadings: (slots of all columns, components) what a value in a slot adds to each.
    starts: (columns of the reference,) where the slots of each begin, its missing values first.
    """

    column_indices: tuple[int, ...]
    column: NDArray[np.intp]
    kind: NDArray[np.intp]
    weight: Floats
    population: NDArray[np.intp]
    skewness: Floats
    loadings: csr_array
    starts: NDArray[np.intp]

    @property
    def is_share(self) -> NDArray[np.bool_]:
        return self.kind >= Kind.OUTSIDE

    def measure(self, counts: Counts) -> Measurement:
        """(slots of all columns,) or (windows, slots) -> a measurement of (..., components)."""
        deciding = np.array(self.column_indices, dtype=np.intp)[self.column]
        n = np.add.reduceat(counts, self.starts, axis=-1)[..., deciding].astype(np.float64)
        # The missing share is of all rows, everything else of those that have a value.
        n -= np.where(self.kind == Kind.MISSING, 0, counts[..., self.starts[deciding]])
        sums: Floats = counts @ self.loadings
        return Measurement(np.divide(sums, n, out=np.full(n.shape, np.nan), where=n > 0), n)

    def by_column(self, values: Floats) -> Floats:
        """(components,) -> (columns,) weighted sums within each column."""
        n_columns = len(self.column_indices)
        sums = np.bincount(self.column, self.weight * values, minlength=n_columns)
        return sums.astype(np.float64)

    def smallest_p(self, p_values: Floats) -> Floats:
        """(components,) -> (columns,) weighted Bonferroni within each column; NaN is left out,
        and is the answer for a column that has nothing else.
        """
        weighted = np.where(np.isnan(p_values), np.inf, p_values / self.weight)
        smallest = np.full(len(self.column_indices), np.inf)
        np.minimum.at(smallest, self.column, weighted)
        return np.where(np.isinf(smallest), np.nan, np.minimum(smallest, 1.0))


def fit_components(reference: Reference) -> Components:
    """The components of features, predictions and scores.

    Labels, and the errors that they reveal, come later than their window and decide nothing.
    """
    indices = tuple(
        i for i, c in enumerate(reference.columns) if _decides(c.field.role, c.field.name)
    )
    probes = tuple(_probe(reference, i) for i in indices)
    skewness = [_skewness(p, reference.profile.counts) for p in probes]
    return Components(
        column_indices=indices,
        column=np.repeat(np.arange(len(probes)), [len(p.kinds) for p in probes]),
        kind=np.array([kind for p in probes for kind in p.kinds], dtype=np.intp),
        weight=np.concatenate(
            [np.array(p.weights) / sum(p.weights) for p in probes] or [np.empty(0)]
        ),
        population=_populations(reference, probes, indices),
        skewness=np.concatenate(skewness or [np.empty(0)]),
        loadings=_loadings(probes, reference.n_slots),
        starts=np.array(reference.offsets[:-1], dtype=np.intp),
    )


def _loadings(probes: Sequence[_Probe], n_slots: int) -> csr_array:
    """(slots of all columns, components): the columns' own, one after another."""
    rows, columns, values, first = [], [], [], 0
    for probe in probes:
        slot, component = np.nonzero(probe.loadings)
        rows.append(probe.slots[slot])
        columns.append(first + component)
        values.append(probe.loadings[slot, component])
        first += len(probe.kinds)
    if not probes:
        return csr_array((n_slots, 0))
    places = np.concatenate(rows), np.concatenate(columns)
    return csr_array((np.concatenate(values), places), shape=(n_slots, first))


def _decides(role: Role, name: str) -> bool:
    return role is not Role.LABEL and name != ERROR


def _populations(
    reference: Reference, probes: Sequence[_Probe], indices: Sequence[int]
) -> NDArray[np.intp]:
    roles = [reference.columns[i].field.role for i in indices]
    keys = [
        kind + len(Kind) * (role is Role.SCORE)
        for probe, role in zip(probes, roles, strict=True)
        for kind in probe.kinds
    ]
    return np.array(keys, dtype=np.intp)


def _probe(reference: Reference, index: int) -> _Probe:
    column = reference.columns[index]
    counts = reference.part(reference.profile.counts, index)
    slots = np.arange(reference.offsets[index], reference.offsets[index + 1])
    if isinstance(column, NumericColumn):
        return _numeric_probe(column, counts, slots)
    return _category_probe(counts, slots)


def _numeric_probe(column: NumericColumn, counts: Counts, slots: NDArray[np.intp]) -> _Probe:
    order = column.value_order
    if column.field.role is Role.SCORE:
        return _score_probe(column, counts, slots)
    scores = rank_polynomials(column.ordered(counts), degree=4)
    degree = scores.shape[1]
    kinds = [*list(Kind)[:degree], Kind.OUTSIDE, Kind.OUTSIDE, Kind.MISSING]
    loadings = np.zeros((column.n_slots, len(kinds)))
    loadings[order, :degree] = scores
    loadings[order[:2], degree] = 1
    loadings[order[-2:], degree + 1] = 1
    loadings[MISSING, degree + 2] = 1
    weights = tuple(_NUMERIC_WEIGHTS[kind] for kind in kinds)
    return _Probe(slots=slots, kinds=tuple(kinds), weights=weights, loadings=loadings)


def _score_probe(column: NumericColumn, counts: Counts, slots: NDArray[np.intp]) -> _Probe:
    """Of a score only where it lies: that is bounded, whatever a single window does.

    A score sums up a row. In a window that chance moves a little beyond all others it moves for
    all rows together, and then its higher components follow no law that variances describe.
    """
    scores = rank_polynomials(column.ordered(counts), degree=1)
    kinds = [*list(Kind)[: scores.shape[1]], Kind.MISSING]
    loadings = np.zeros((column.n_slots, len(kinds)))
    loadings[column.value_order, : scores.shape[1]] = scores
    loadings[MISSING, -1] = 1
    weights = tuple(_NUMERIC_WEIGHTS[kind] for kind in kinds)
    return _Probe(slots=slots, kinds=tuple(kinds), weights=weights, loadings=loadings)


def _category_probe(counts: Counts, slots: NDArray[np.intp]) -> _Probe:
    present = counts[MISSING + 1 :]
    # Half of the weight to all levels alike, half to where the rows are: a change of a common
    # level should not pay for the hundreds of rare ones.
    shares = present / max(int(present.sum()), 1)
    weights = (1 - _MISSING_WEIGHT) * (1 / len(present) + shares) / 2
    return _Probe(
        slots=slots,
        kinds=(*[Kind.LEVEL] * len(present), Kind.MISSING),
        weights=(*weights.tolist(), _MISSING_WEIGHT),
        loadings=np.roll(np.eye(len(counts)), -1, axis=1),
    )


def _skewness(probe: _Probe, counts: Counts) -> Floats:
    """(components,) of the column; 0 for shares."""
    own = counts[probe.slots]
    present = max(int(own[MISSING + 1 :].sum()), 1)
    third = own @ probe.loadings**3 / present
    return np.where(np.array(probe.kinds) >= Kind.OUTSIDE, 0.0, third)
