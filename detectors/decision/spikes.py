"""Values that pile up where there were few: sentinels, defaults, repeats, new atoms.

A twentieth of the rows at one value in the middle of the others hardly moves the smooth
components of a column. But the bin that holds the value is hit many times as often as before.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import ndtr, ndtri

from detectors.bins import FIRST_BIN, NumericColumn, ReferenceColumn
from detectors.columns import Counts, Floats, Role
from detectors.decision.components import Components, Kind, Measurement
from detectors.decision.nulls import SCORE_LIMIT, Null, learn_null, one_sided_scores
from detectors.reference import Reference

WANDERING = 0.1
"""Variance of a column's location between windows beyond which it has no spikes: each window
holds but a part of the column's range then, and piles up somewhere else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spikes:
    """What is expected of every bin of the numeric columns that decide.

    slots: (bins,) of the profile's counts, column after column. starts, sizes: (numeric columns,)
        of each column's bins among them.
    of_values: (numeric columns,) a component of each that all of its present values count for.
    shape: (bins, components) what each smooth component of a column adds to the density in each of
        its bins, relative to the reference's.
    columns: (numeric columns,) positions among the columns that decide, of which there are
        `n_columns`.
    """

    slots: NDArray[np.intp]
    of_values: NDArray[np.intp]
    null: Null
    shape: csr_array
    starts: NDArray[np.intp]
    sizes: NDArray[np.intp]
    columns: NDArray[np.intp]
    n_columns: int

    @staticmethod
    def fit(
        reference: Reference, components: Components, null: Null, windows: Counts
    ) -> "Spikes | None":
        """From the counts of the reference's windows, (windows, slots), and how its smooth
        components vary between them. None where no numeric column decides.
        """
        wandering = components.column[
            (components.kind == Kind.LOCATION) & (null.between > WANDERING)
        ]
        numeric = [
            (position, index)
            for position, index in enumerate(components.column_indices)
            if _has_bins(reference.columns[index]) and position not in wandering
        ]
        if not numeric:
            return None
        slots = [
            np.arange(reference.offsets[i] + FIRST_BIN, reference.offsets[i + 1])
            for _, i in numeric
        ]
        sizes = np.array([len(of_column) for of_column in slots], dtype=np.intp)
        columns = np.array([position for position, _ in numeric], dtype=np.intp)
        every = np.concatenate(slots)
        bins = _bins(components, every, np.repeat(columns, sizes))
        learned = learn_null(bins, _whole(bins, reference), bins.measure(windows))
        outside = np.flatnonzero(components.kind == Kind.OUTSIDE)
        return Spikes(
            slots=every,
            of_values=outside[np.searchsorted(components.column[outside], columns)],
            shape=csr_array(components.loadings[every] * ~components.is_share),
            null=_no_smoother(learned, every, bins.column, components, null),
            starts=np.cumsum(sizes) - sizes,
            sizes=sizes,
            columns=columns,
            n_columns=len(components.column_indices),
        )

    def scores(self, counts: Counts, moved: Floats, n: Floats) -> Floats:
        """(slots,) -> (columns that decide,) evidence that one bin of each has gained rows.

        moved: (components,) of the columns, by how much. Where they have raised the density a
        bin has gained rows with its neighbours, and nothing has piled up. n: (components,) how
        many values each is the mean of, 0 for too few.
        A normal score, at most standard normal under the null. NaN for categories, and for a
        column with too few values.
        """
        window = self._measure(counts, n)
        raised = np.maximum(1 + self.shape @ np.nan_to_num(moved), 1.0)
        expected = replace(self.null, mean=np.minimum(self.null.mean * raised, 1.0))
        best = self._most_surprising(window, expected)
        null, found = expected.at(best), window.at(best)
        rise = one_sided_scores(null, found, null.mean, null.mean_variance)[0]
        adjusted = np.minimum(ndtr(-rise) * self.sizes, 1.0)
        scores = np.full(self.n_columns, np.nan)
        enough = found.n > 0
        scores[self.columns[enough]] = np.clip(-ndtri(adjusted), -SCORE_LIMIT, None)[enough]
        return scores

    def _measure(self, counts: Counts, n: Floats) -> Measurement:
        """(slots,) -> (bins,) share of each, of the values that are present."""
        present = np.repeat(n[self.of_values], self.sizes)
        return Measurement(counts[self.slots] / np.maximum(present, 1.0), present)

    def _most_surprising(self, window: Measurement, null: Null) -> NDArray[np.intp]:
        """(numeric columns,) the bin of each that exceeds what is expected by most deviations."""
        rows = np.maximum(window.n, 1.0)
        variance = 1 / rows + null.between + null.mean_variance
        # Below one expected row a single one would surprise most.
        z = (window.values - null.mean) / np.sqrt(np.maximum(null.mean, 1 / rows) * variance)
        highest = np.repeat(np.maximum.reduceat(z, self.starts), self.sizes)
        candidates = np.flatnonzero(z == highest)
        return candidates[np.searchsorted(candidates, self.starts)]


def _has_bins(column: ReferenceColumn) -> bool:
    """Scores have none of interest: many rows alike are no fault of theirs."""
    is_number = isinstance(column, NumericColumn) and column.field.role is not Role.SCORE
    return is_number and column.n_slots > FIRST_BIN


def _bins(components: Components, slots: NDArray[np.intp], column: NDArray[np.intp]) -> Components:
    """The share of every slot as a component, all of one population."""
    n = slots.size
    places = slots, np.arange(n)
    return replace(
        components,
        column=column,
        kind=np.full(n, Kind.LEVEL, dtype=np.intp),
        weight=1 / np.bincount(column)[column],
        population=np.zeros(n, dtype=np.intp),
        skewness=np.zeros(n),
        loadings=csr_array((np.ones(n), places), shape=(components.loadings.shape[0], n)),
    )


def _whole(bins: Components, reference: Reference) -> Measurement:
    """The reference's own shares, a row less in each: its bins end at values that it holds, and
    the mass between two order statistics is known as from one row fewer.
    """
    whole = bins.measure(reference.profile.counts)
    less = np.maximum(whole.values - 1 / np.maximum(whole.n, 1.0), 0.0)
    return Measurement(less, whole.n)


def _no_smoother(
    learned: Null,
    slots: NDArray[np.intp],
    column: NDArray[np.intp],
    components: Components,
    null: Null,
) -> Null:
    """Bins vary from window to window at least as the column's smooth components make them.

    The components are the coefficients of the density's ratio to the reference's, so that a
    bin's share varies by its own size, times the sum of their variances weighted by the squares
    of their polynomials there.
    """
    smooth = np.where(components.is_share, 0.0, null.between)
    relative = (components.loadings.power(2) @ smooth)[slots]
    # On the arcsine's scale, where the variance of row noise is 1/n.
    between = relative * learned.mean / np.maximum(1 - learned.mean, 1e-9)
    df = np.full(len(components.column_indices), np.inf)
    np.minimum.at(df, components.column[~components.is_share], null.df[~components.is_share])
    rougher = between > learned.between
    return replace(
        learned,
        between=np.maximum(between, learned.between),
        df=np.where(rougher, np.minimum(df[column], learned.df), learned.df),
    )
