"""What a model predicts, and which columns tell more of a prediction than its value.

A target is fitted with the reference. It fixes what is counted of predictions and labels: the
classes, the bins of their probabilities, the groups that are compared. Everything that is told of
performance is computed from these counts.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from detectors.artifact import Artifact
from detectors.bins.probability_bins import hold_one_value, probability_edges
from detectors.columns import Coded, Column, Counts, Floats, Rows
from detectors.labels import Task
from detectors.output import (
    N_CLASSES,
    N_GROUP_COLUMNS,
    N_GROUPS,
    Output,
    check_output,
    classes_of,
    groups_of,
    positive_class,
    probabilities_counted,
)
from detectors.schema import ReferenceError  # noqa: A004  # the other one is about weak references

MOMENTS = (
    "signed", "absolute", "squared", "label", "label_squared",
    "fourth", "label_third", "label_fourth", "squared_label", "squared_label_squared", "far",
)  # fmt: skip
"""Sums over labelled predictions of a regression, in units; see `detectors.profile.outcomes`."""


LARGEST_SQUARED = 2.0**500
"""The squares of larger numbers overflow: they say nothing of a unit."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Target:
    """What is counted of predictions and labels, as one vector of `n_slots` integers.

    prediction: the column. unit, centre: of a regression, in which and from where errors and
        labels are summed. classes: of a classification, sorted.
    probabilities: by class, in the order of `edges`: (probabilities, bins - 2) inner limits of
        the bins, increasing, padded with infinity; the first bin holds missing ones.
    groups: by column, the values that are groups of their own.
    """

    prediction: str
    task: Task
    unit: float = 1.0
    centre: float = 0.0
    classes: tuple[str, ...] = ()
    positive: str | None = None
    probabilities: Mapping[str, str] = field(default_factory=dict)
    edges: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @staticmethod
    def fit(output: Output, rows: Rows, label: Column | None) -> "Target":
        """The target of reference rows; `label` (rows,) if it is known.

        Raises ReferenceError naming the column and what is wrong with it.
        """
        check_output(output, rows)
        prediction = output.prediction
        predicted = rows.columns[prediction]
        if not isinstance(predicted, Coded):
            assert not isinstance(label, Coded)
            centre, unit = _centre_and_unit(predicted if label is None else label, predicted)
            return Target(prediction=prediction, task=Task.REGRESSION, unit=unit, centre=centre)
        assert label is None or isinstance(label, Coded)
        classes = classes_of(output, predicted, label)
        positive = positive_class(output, classes)
        if output.groups and positive is None:
            raise ReferenceError("groups are compared by a positive class: name it, 'positive'")
        probabilities = probabilities_counted(output, classes, positive)
        return Target(
            prediction=prediction,
            task=Task.CLASSIFICATION,
            classes=classes,
            positive=positive,
            probabilities=probabilities,
            edges=probability_edges([_numbers(rows, name) for name in probabilities.values()]),
            groups={name: groups_of(_categories(rows, name)) for name in output.groups},
        )

    @staticmethod
    def from_artifact(artifact: Artifact) -> "Target":
        """Raises ValueError, KeyError or TypeError where the artifact is not a sound target."""
        meta, edges = artifact.meta, artifact.arrays["edges"]
        target = Target(
            prediction=str(meta["prediction"]),
            task=Task(meta["task"]),
            unit=float(meta["unit"]),
            centre=float(meta["centre"]),
            classes=_texts(meta["classes"]),
            positive=meta["positive"],
            probabilities=dict(zip(*map(_texts, meta["probabilities"]), strict=True)),
            edges=edges,
            groups={name: _texts(levels) for name, levels in meta["groups"]},
        )
        _check_sound(target)
        return target

    def to_artifact(self) -> Artifact:
        names = ("prediction", "unit", "centre", "classes", "positive")
        meta = {name: getattr(self, name) for name in names}
        return Artifact(
            {
                **meta,
                "task": self.task.value,
                "probabilities": [list(self.probabilities), list(self.probabilities.values())],
                "groups": list(self.groups.items()),
            },
            {"edges": self.edges},
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """What must be known of a prediction when its label comes; the prediction is the first."""
        return tuple(dict.fromkeys([self.prediction, *self.probabilities.values(), *self.groups]))

    @property
    def is_binary(self) -> bool:
        """Whether there is one probability, of a class against the rest."""
        return len(self.probabilities) == 1

    @property
    def is_complete(self) -> bool:
        """Whether the probabilities are those of every class."""
        known = len(self.probabilities)
        return known > 0 and (known == len(self.classes) or len(self.classes) == 2)

    @property
    def n_bins(self) -> int:
        """Of a probability: missing, and those that the edges separate."""
        return int(self.edges.shape[1]) + 2

    @cached_property
    def is_one_value(self) -> NDArray[np.bool_]:
        """(probabilities, n_bins - 1) whether a bin after the first holds one value alone."""
        return hold_one_value(self.edges)

    @cached_property
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The parts of the vector, in their order.

        labelled: rows with prediction and label, and those of them that are right.
        moments: of a regression; `MOMENTS`, each in two halves.
        confusion: by class predicted and class true; the last is any other.
        scores: of all predictions, by probability, bin, and whether the class was predicted.
        outcomes: the same of labelled ones, and by whether the class is true.
        confidences: of labelled ones, sums of the probability, by tenth and class predicted.
        losses: rows with probabilities, and with what is none; sums of Brier losses, of their
            squares, of logarithmic losses, of their squares.
        groups: of all predictions, by group and whether the positive class was predicted.
        group_outcomes: of labelled ones, by group, and whether it was predicted and is true.
        """
        if self.task is Task.REGRESSION:
            return {"labelled": (2,), "moments": (len(MOMENTS), 2)}
        n, groups, probabilities = len(self.classes) + 1, self.n_groups, len(self.probabilities)
        return {
            "labelled": (2,),
            "confusion": (n, n),
            "scores": (probabilities, self.n_bins, 2),
            "outcomes": (probabilities, self.n_bins, 2, 2),
            "confidences": (probabilities, 10, 2),
            "losses": (6,),
            "groups": (groups, 2),
            "group_outcomes": (groups, 2, 2),
        }

    @property
    def n_groups(self) -> int:
        """Of all columns together; the last of each column is every other value."""
        return sum(len(levels) + 1 for levels in self.groups.values())

    @property
    def n_slots(self) -> int:
        return sum(math.prod(shape) for shape in self.shapes.values())

    def part(self, counts: Counts, name: str) -> Counts:
        """(..., n_slots) -> (..., *shape) one part of the vector."""
        start = 0
        for other, shape in self.shapes.items():
            end = start + math.prod(shape)
            if other == name:
                return counts[..., start:end].reshape(*counts.shape[:-1], *shape)
            start = end
        raise KeyError(name)

    def vector(self, parts: Mapping[str, Counts]) -> Counts:
        """(n_slots,) of some parts; the others are 0."""
        return np.concatenate(
            [
                np.ravel(parts[name]) if name in parts else np.zeros(math.prod(shape), np.int64)
                for name, shape in self.shapes.items()
            ]
        ).astype(np.int64)

    @cached_property
    def probability_codes(self) -> Counts:
        """(probabilities,) positions of their classes."""
        return np.array([self.classes.index(name) for name in self.probabilities], dtype=np.int64)

    @property
    def positive_code(self) -> int | None:
        """Its position among the classes."""
        return None if self.positive is None else self.classes.index(self.positive)

    def codes(self, column: Coded) -> Counts:
        """(rows,) positions among the classes, their number for any other, -1 where missing."""
        return codes_among(self.classes, column)


def codes_among(levels: Sequence[str], column: Coded) -> Counts:
    """(rows,) positions among the levels, their number for any other level, -1 where missing."""
    code_of = {level: code for code, level in enumerate(levels)}
    # The code -1 finds the last entry.
    codes = [code_of.get(level, len(levels)) for level in column.levels]
    return np.array([*codes, -1], dtype=np.int64)[column.codes]


def _centre_and_unit(values: Floats, otherwise: Floats) -> tuple[float, float]:
    """Mean and standard deviation of the finite values; a unit is never 0."""
    for column in (values.astype(np.float64), otherwise.astype(np.float64)):
        finite = column[np.abs(column) < LARGEST_SQUARED]
        if len(finite) > 1 and finite.std() > 0:
            return float(finite.mean()), float(finite.std())
    finite = values[np.isfinite(values)][:1]
    centre = float(finite[0]) if len(finite) else 0.0
    return centre, abs(centre) or 1.0


def _numbers(rows: Rows, name: str) -> Floats:
    column = rows.columns[name]
    assert not isinstance(column, Coded)
    return column


def _categories(rows: Rows, name: str) -> Coded:
    column = rows.columns[name]
    assert isinstance(column, Coded)
    return column


def _texts(values: Iterable[object]) -> tuple[str, ...]:
    texts = tuple(values)
    if not all(isinstance(text, str) for text in texts) or len(set(texts)) < len(texts):
        raise ValueError("names must be distinct texts")
    return texts  # type: ignore[return-value]  # texts, as checked


def _check_sound(target: Target) -> None:
    edges, n = target.edges, len(target.probabilities)
    if edges.ndim != 2 or len(edges) != n or edges.dtype != np.float64 or edges.shape[1] > 1024:
        raise ValueError(f"edges of probabilities have shape {edges.shape}, type {edges.dtype}")
    if not (edges[:, 1:] >= edges[:, :-1]).all():
        raise ValueError("edges of probabilities do not increase")
    if not (math.isfinite(target.centre) and 0 < target.unit < math.inf):
        raise ValueError(f"a unit of {target.unit} and a centre of {target.centre}")
    if len(target.classes) > N_CLASSES or not {*target.probabilities} <= {*target.classes}:
        raise ValueError("too many classes, or a probability of none of them")
    if target.positive is not None and target.positive not in target.classes:
        raise ValueError(f"the positive class {target.positive!r} is none of the classes")
    if (
        len(target.groups) > N_GROUP_COLUMNS
        or max(map(len, target.groups.values()), default=0) > N_GROUPS
    ):
        raise ValueError("too many groups")
