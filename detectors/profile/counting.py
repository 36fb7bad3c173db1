"""Counting: from rows to profiles."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from operator import add
from typing import TYPE_CHECKING

import numpy as np

from detectors.backend import Backend, NumpyBackend, in_batches
from detectors.columns import Coded, Column, Counts, Floats, Rows, rows_at
from detectors.labels import Task, loss
from detectors.profile.device_counting import DeviceReference, scores_by_place
from detectors.profile.outcomes import count_outcomes, count_predictions
from detectors.profile.profiles import DELAYS_S, ERROR, Profile
from detectors.profile.sample import Sample, keys_of_ids, keys_of_rows
from detectors.profile.sums import z_sums
from detectors.scorers.placed import PlacedRows
from detectors.served import N_SLOTS

if TYPE_CHECKING:
    from detectors.reference import Reference

# Large enough that NumPy's own cost for a call does not count; small enough for the memory.
_BATCH_ROWS, _BATCH_VALUES = 1 << 17, 1 << 23
_DEVICE_VALUES = 1 << 25

_NUMPY = NumpyBackend()


def count(
    rows: Rows,
    reference: "Reference",
    *,
    times: Floats | None = None,
    ids: Sequence[str] | None = None,
    backend: Backend = _NUMPY,
) -> Profile:
    """The profile of a batch of rows, every score of every row included.

    times: (rows,) epoch seconds. ids: (rows,) of the predictions, by which rows are sampled;
    without them, rows that are alike in all values and times are one row to the sample.
    backend: where it is counted, which makes no difference to the profile; see `backend.choose`.
    Scorers that look at more than the places of values score on the processor, all the rest too.
    A column that the rows lack counts as missing in all of them.
    Raises ValueError naming a column whose kind is not the declared one.
    """
    rows, vectors = reference.derivations.derive(rows, times=times)
    batches = list(_batches(rows, len(reference.columns)))
    profile = replace(
        reduce(add, _counted(rows, reference, batches, backend), Profile.empty(reference)),
        sample=_sample(rows, reference, batches, times=times, ids=ids),
        vectors=vectors,
        outcomes=_outcomes(rows, reference),
        census=np.array([rows.n, rows.n, rows.n, 0], dtype=np.int64),
    )
    if times is None or not np.isfinite(times).any():
        return profile
    known = times[np.isfinite(times)]
    return replace(profile, first_time=float(known.min()), last_time=float(known.max()))


def count_labels(
    predictions: Column,
    labels: Column,
    reference: "Reference",
    *,
    beside: Mapping[str, Column] | None = None,
    delays_s: Floats | None = None,
) -> Profile:
    """The profile of labels that arrived: their number, the errors, and the column dm.error.

    predictions, labels: (rows,) of the same rows. A row that lacks either is left out.
    beside: the same rows' probabilities and groups, by column; see `Target.columns`.
    delays_s: (rows,) how long after its prediction each label came, where that is known.
    Raises ValueError where the reference names no prediction, or one of another kind.
    """
    target = reference.target
    if target is None:
        raise ValueError("the reference has no prediction that labels could belong to")
    _check_kind("predictions", predictions, reference)
    _check_kind("labels", labels, reference)
    losses = loss(predictions, labels)
    known = losses[~np.isnan(losses)]
    nothing_declared = np.zeros(reference.offsets[len(reference.declared)], dtype=np.int64)
    profile = _profile(reference, nothing_declared, {ERROR: known})
    columns = {**(beside or {}), target.prediction: predictions}
    return replace(
        profile,
        outcomes=count_outcomes(columns, labels, target),
        delays=profile.delays if delays_s is None else _delays(delays_s[~np.isnan(losses)]),
    )


def count_faults(
    reference: "Reference", *, mismatched: Mapping[str, int], n_repeated: int, n_with_new: int = 0
) -> Profile:
    """The profile of what was wrong with rows that are counted elsewhere.

    mismatched: values that were not of their column's type, by column; each column that is derived
    of it has as many, and what the reference lacks is passed over. n_repeated: rows whose id had
    come before. n_with_new: rows that came with columns which the reference lacks.
    """
    sources = (reference.derivations.source(column.field.name) for column in reference.declared)
    faults = [mismatched.get(source, 0) for source in sources]
    return replace(
        Profile.empty(reference),
        faults=np.array([*faults, n_repeated], dtype=np.int64),
        census=np.array([0, 0, 0, n_with_new], dtype=np.int64),
    )


def count_served(reference: "Reference", slots: Mapping[int, int]) -> Profile:
    """The profile of requests to the model, whose rows are counted elsewhere: how many of them by
    slot, as `detectors.served` has them."""
    served = np.zeros(N_SLOTS, dtype=np.int64)
    served[list(slots)] = list(slots.values())
    return replace(Profile.empty(reference), served=served)


def _delays(delays_s: Floats) -> Counts:
    places = np.searchsorted(DELAYS_S, delays_s, side="right")
    return np.bincount(places, minlength=len(DELAYS_S) + 1)


def _outcomes(rows: Rows, reference: "Reference") -> Counts:
    if reference.target is None:
        return np.zeros(0, dtype=np.int64)
    return count_predictions(rows.columns, reference.target)


def _batches(rows: Rows, n_columns: int) -> Iterator[slice]:
    """As few as may be, and of one size."""
    largest = min(_BATCH_ROWS, max(1, _BATCH_VALUES // n_columns))
    size = -(-rows.n // -(-rows.n // largest)) if rows.n else 1
    return (slice(start, min(start + size, rows.n)) for start in range(0, rows.n, size))


def _counted(
    rows: Rows, reference: "Reference", batches: Sequence[slice], backend: Backend
) -> Iterable[Profile]:
    if backend == _NUMPY or not scores_by_place(reference):
        return (_count(rows_at(rows, batch), reference) for batch in batches)
    device = DeviceReference.of(reference, backend)

    def job(on: Backend, where: slice) -> Profile:
        part = rows_at(rows, where)
        return _count(part, reference) if on != backend else _count_on(device, part)

    size = max(1, _DEVICE_VALUES // len(reference.columns))
    return in_batches(job, rows.n, backend=backend, batch_rows=size).parts


def _count_on(device: DeviceReference, rows: Rows) -> Profile:
    found, reference = device.count(rows), device.reference
    scores = reference.score_values(found.outlier, found.expected_error)
    profile = _profile(reference, found.counts, scores)
    numeric = [i for i in reference.numeric if i < len(reference.declared)]
    sums = np.concatenate([found.sums[numeric], profile.sums[len(numeric) :]])
    return replace(profile, n=rows.n, sums=sums, pairs=found.pairs)


def _count(rows: Rows, reference: "Reference") -> Profile:
    places = reference.place(rows)
    n_declared = reference.offsets[len(reference.declared)]
    counts = np.bincount(places.ravel(), minlength=n_declared)
    columns = ((c.field.name, rows.columns.get(c.field.name)) for c in reference.declared)
    values = {name: c for name, c in columns if c is not None and not isinstance(c, Coded)}
    profile = _profile(reference, counts, {**values, **reference.scores(PlacedRows(rows, places))})
    return replace(profile, n=rows.n, pairs=reference.rank_pairs.sums(places))


def _sample(
    rows: Rows,
    reference: "Reference",
    batches: Sequence[slice],
    *,
    times: Floats | None,
    ids: Sequence[str] | None,
) -> Sample:
    declared, limit = reference.declared, reference.sample_limit
    if limit == 0 or rows.n == 0:
        return Sample.empty(declared, limit)
    if ids is not None:
        return Sample.of(rows, keys_of_ids(ids), declared, limit)
    keys = [
        keys_of_rows(rows_at(rows, batch), declared, times=None if times is None else times[batch])
        for batch in batches
    ]
    return Sample.of(rows, np.concatenate(keys), declared, limit)


def _profile(reference: "Reference", declared: Counts, values: Mapping[str, Floats]) -> Profile:
    """declared: counts of the declared columns. values: of numeric columns and scores, by name;
    a column that is not among them has none."""
    none = np.empty(0)
    scores = [c.count(values.get(c.field.name, none)) for c in reference.score_columns]
    numeric = reference.numeric_columns
    sums = z_sums(numeric, [values.get(column.field.name, none) for column in numeric])
    return replace(
        Profile.empty(reference),
        counts=np.concatenate([declared, *scores]),
        sums=sums,
    )


def _check_kind(what: str, column: Column, reference: "Reference") -> None:
    if isinstance(column, Coded) == (reference.task is Task.REGRESSION):
        kind = "categories" if isinstance(column, Coded) else "numbers"
        raise ValueError(f"{what} are {kind}, unlike the prediction {reference.prediction!r}")
