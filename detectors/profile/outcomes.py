"""Counting predictions, and labels with the predictions that they are the truth of.

Every count and sum is an integer, so that vectors of two batches add to that of both, in any
order. `Target.shapes` says what is counted.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.bins.probability_bins import TENTHS
from detectors.columns import Coded, Column, Counts, Floats, values_at
from detectors.labels import Task, loss
from detectors.target import MOMENTS, Target, codes_among

RESOLUTION = 2.0**16
"""Errors and labels are summed in 1 / RESOLUTION of a unit, their squares in its square."""

LARGEST = 2.0**15
"""In units; larger errors and labels count as this one."""

HIGHER_RESOLUTION, LARGEST_OF_HIGHER = 2.0**38, 2.0**6
"""Of products of three and four errors or labels. Rows that are farther out are counted."""

LOSS_RESOLUTION = 2.0**20

LEAST_PROBABILITY = float(np.finfo(np.float64).eps)
"""A smaller probability of what came true counts as this one in the logarithmic loss."""

Columns = Mapping[str, Column]
Mask = NDArray[np.bool_]


def count_predictions(columns: Columns, target: Target) -> Counts:
    """(target.n_slots,) of rows whose labels are not known yet.

    columns: the target's, (rows,) each; one that is absent is missing in all rows.
    """
    predicted = columns.get(target.prediction)
    if not isinstance(predicted, Coded) or not (target.probabilities or target.groups):
        return target.vector({})
    known = predicted.codes >= 0
    here = {name: values_at(columns[name], known) for name in target.columns if name in columns}
    codes = target.codes(predicted)[known]
    probabilities = _probabilities(here, target, len(codes))
    is_predicted = _is_class(codes, target)
    groups = _group_cells(here, codes, target)
    return target.vector(
        {
            "scores": _binned(probabilities, (~is_predicted, is_predicted), target),
            "groups": _counted(groups, target, "groups"),
        }
    )


def count_outcomes(columns: Columns, labels: Column, target: Target) -> Counts:
    """(target.n_slots,) of predictions whose labels have come.

    columns: as above; labels: (rows,). A row that lacks its prediction or its label is left out.
    Raises TypeError where labels are numbers and the classes are not, or the reverse.
    """
    predicted = columns[target.prediction]
    if isinstance(predicted, Coded) and isinstance(labels, Coded):
        return _class_outcomes(columns, predicted, labels, target)
    if isinstance(predicted, Coded) or isinstance(labels, Coded):
        raise TypeError("predictions and labels must both be numbers or both be categories")
    return _number_outcomes(predicted, labels, target)


def is_sound(counts: Counts, target: Target) -> bool:
    """Whether vectors, (..., n_slots), are such as rows can make."""
    n, n_correct = np.moveaxis(target.part(counts, "labelled"), -1, 0)
    if target.task is Task.REGRESSION:
        return bool((n >= 0).all())
    in_table = target.part(counts, "confusion").sum(axis=(-2, -1))
    return bool((counts >= 0).all() and (n_correct <= n).all() and (in_table == n).all())


def moments_of(counts: Counts, target: Target) -> tuple[int, Mapping[str, float]]:
    """How many labelled rows there are, and their mean `MOMENTS` in units."""
    n = int(target.part(counts, "labelled")[0])
    halves = target.part(counts, "moments")
    scale = dict.fromkeys(MOMENTS, HIGHER_RESOLUTION)
    scale |= {"signed": RESOLUTION, "absolute": RESOLUTION, "label": RESOLUTION, "far": 1.0}
    scale |= {"squared": RESOLUTION**2, "label_squared": RESOLUTION**2}
    totals = ((int(high) << 32) + int(low) for high, low in halves)
    pairs = zip(MOMENTS, totals, strict=True)
    return n, {name: total / scale[name] / max(n, 1) for name, total in pairs}


def _number_outcomes(predicted: Floats, labels: Floats, target: Target) -> Counts:
    with np.errstate(over="ignore", invalid="ignore"):  # infinite minus infinite is unknown
        errors = np.subtract(predicted, labels, dtype=np.float64) / target.unit
        values = np.subtract(labels, target.centre, dtype=np.float64) / target.unit
    known = ~np.isnan(errors)
    errors, values = errors[known], values[known]
    e, z = _fixed(errors), _fixed(values)
    far = (np.abs(errors) > LARGEST_OF_HIGHER) | (np.abs(values) > LARGEST_OF_HIGHER)
    sums = [_halves(x) for x in (e, np.abs(e), e * e, z, z * z)]
    sums += [_halves(x) for x in _higher(errors, values)]
    sums.append(_halves(far.astype(np.int64)))
    return target.vector({"labelled": np.array([len(e), 0]), "moments": np.array(sums)})


def _fixed(values: Floats) -> Counts:
    return np.rint(np.clip(values, -LARGEST, LARGEST) * RESOLUTION).astype(np.int64)


def _higher(errors: Floats, values: Floats) -> tuple[Counts, ...]:
    """Fourth powers and the like, in the order of `MOMENTS`."""
    e2 = np.minimum(np.abs(errors), LARGEST_OF_HIGHER) ** 2
    z = np.clip(values, -LARGEST_OF_HIGHER, LARGEST_OF_HIGHER)
    products = (e2 * e2, z**3, z**4, e2 * z, e2 * z * z)
    return tuple(np.rint(product * HIGHER_RESOLUTION).astype(np.int64) for product in products)


def _halves(values: Counts) -> Counts:
    """(2,) the sum in halves of 32 bits: neither overflows for 2^30 numbers of 62 bits."""
    return np.array([(values >> 32).sum(), (values & 0xFFFFFFFF).sum()])


def _class_outcomes(columns: Columns, predicted: Coded, labels: Coded, target: Target) -> Counts:
    losses = loss(predicted, labels)
    known = ~np.isnan(losses)
    here = {name: values_at(columns[name], known) for name in target.columns if name in columns}
    codes, true = target.codes(predicted)[known], target.codes(labels)[known]
    n, size = len(codes), len(target.classes) + 1
    parts = {
        "labelled": np.array([n, n - int(losses[known].sum())]),
        "confusion": np.bincount(codes * size + true, minlength=size * size),
    }
    if target.groups:
        cells = _beside(_group_cells(here, codes, target), true == target.positive_code)
        parts["group_outcomes"] = _counted(cells, target, "group_outcomes")
    if target.probabilities:
        parts |= _probability_outcomes(here, codes, true, target)
    return target.vector(parts)


def _probability_outcomes(
    columns: Columns, codes: Counts, true: Counts, target: Target
) -> dict[str, Counts]:
    probabilities = _probabilities(columns, target, len(codes))
    is_predicted, is_true = _is_class(codes, target), _is_class(true, target)
    # In the order of the last two axes: by class predicted, then by class true.
    masks = [p & t for p in (~is_predicted, is_predicted) for t in (~is_true, is_true)]
    return {
        "outcomes": _binned(probabilities, masks, target),
        "confidences": _confidences(probabilities, is_predicted),
        "losses": _losses(probabilities, is_true, target),
    }


def _probabilities(columns: Columns, target: Target, n: int) -> Floats:
    """(probabilities, rows) NaN where a column is absent."""
    found = np.full((len(target.probabilities), n), np.nan)
    for i, name in enumerate(target.probabilities.values()):
        column = columns.get(name)
        if column is not None and not isinstance(column, Coded):
            found[i] = column
    return found


def _is_class(codes: Counts, target: Target) -> Mask:
    """(probabilities, rows) whether a row is of the probability's class."""
    return np.asarray(codes == target.probability_codes[:, None])


def _binned(probabilities: Floats, masks: Sequence[Mask], target: Target) -> Counts:
    """(probabilities, bins, masks) rows of each mask by bin, missing ones first.

    Sorting and looking the edges up in what is sorted is quicker than placing every value.
    """
    counts = np.zeros((len(probabilities), target.n_bins, len(masks)), dtype=np.int64)
    for i, (edges, values) in enumerate(zip(target.edges, probabilities, strict=True)):
        for j, mask in enumerate(masks):
            ordered = np.sort(values[mask[i]])
            n_known = int(np.searchsorted(ordered, np.nan))
            ends = np.searchsorted(ordered[:n_known], edges, side="right")
            counts[i, 0, j] = len(ordered) - n_known
            counts[i, 1:, j] = np.diff(ends, prepend=0, append=n_known)
    return counts


def _group_cells(columns: Columns, codes: Counts, target: Target) -> Counts:
    """(columns of groups, rows) cells of the part "groups", -1 where the group is missing."""
    groups = np.full((len(target.groups), len(codes)), -1, dtype=np.int64)
    first = 0
    for i, (name, levels) in enumerate(target.groups.items()):
        column = columns.get(name)
        if isinstance(column, Coded):
            found = codes_among(levels, column)
            groups[i] = np.where(found >= 0, first + found, -1)
        first += len(levels) + 1
    return _beside(groups, codes == target.positive_code)


def _beside(cells: Counts, is_so: Mask) -> Counts:
    """Each cell divided in two, by whether something is so."""
    return np.where(cells >= 0, 2 * cells + is_so, -1)


def _counted(cells: Counts, target: Target, name: str) -> Counts:
    n_cells = math.prod(target.shapes[name])
    return np.bincount(cells[cells >= 0], minlength=n_cells)


def _confidences(probabilities: Floats, is_predicted: Mask) -> Counts:
    """(probabilities, 10, 2) sums by tenth; what is no probability counts nothing."""
    sums = np.zeros((len(probabilities), len(TENTHS) + 1, 2), dtype=np.int64)
    for i, (values, mask) in enumerate(zip(probabilities, is_predicted, strict=True)):
        for j, side in enumerate((~mask, mask)):
            sound = np.sort(values[side & (values >= 0) & (values <= 1)])
            total = np.append(0, np.cumsum(np.rint(sound * LOSS_RESOLUTION).astype(np.int64)))
            ends = np.searchsorted(sound, TENTHS, side="right")
            sums[i, :, j] = np.diff(total[[*ends, -1]], prepend=0)
    return sums


def _losses(probabilities: Floats, is_true: Mask, target: Target) -> Counts:
    """(6,) rows with sound probabilities, rows with what is none, sums of losses and squares."""
    if not (target.is_binary or target.is_complete):
        return np.zeros(6, dtype=np.int64)
    sound: Mask = np.all((probabilities >= 0) & (probabilities <= 1), axis=0)
    wrong: Mask = np.any((probabilities < 0) | (probabilities > 1), axis=0)
    p, y = probabilities[:, sound], is_true[:, sound]
    brier = ((p - y) ** 2).sum(axis=0)
    came_true = np.where(y, p, 1 - p)[0] if target.is_binary else (p * y).sum(axis=0)
    logarithmic = -np.log(np.maximum(came_true, LEAST_PROBABILITY))
    values = (brier, brier**2, logarithmic, logarithmic**2)
    sums = [np.rint(v * LOSS_RESOLUTION).astype(np.int64).sum() for v in values]
    return np.array([np.count_nonzero(sound), np.count_nonzero(wrong), *sums])
