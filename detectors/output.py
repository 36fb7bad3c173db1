"""What a model answers: its prediction, and the columns that tell more of it than its value."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from detectors.columns import Coded, Rows
from detectors.schema import ReferenceError  # noqa: A004  # the other one is about weak references

N_CLASSES = 32
"""The commonest; the rest count as one. More probability columns are not read."""

N_GROUPS = 10
"""Values of a column whose groups are compared, the commonest; the rest are one group."""

N_GROUP_COLUMNS = 8


@dataclass(frozen=True, slots=True)
class Output:
    """What a model answers, by the columns that hold it.

    prediction: the value.
    probabilities: by class, the column of the probability that was predicted of it. Of two
        classes one is enough.
    positive: the class of which precision, recall and the like are told. Without it, of two
        classes that with a probability, or else the later in the alphabet ("true", "yes", "1").
    groups: columns of categories or booleans whose values are compared for fairness.
    """

    prediction: str
    probabilities: Mapping[str, str] = field(default_factory=dict)
    positive: str | None = None
    groups: Sequence[str] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([self.prediction, *self.probabilities.values(), *self.groups]))


def check_output(output: Output, rows: Rows) -> None:
    """Raises ReferenceError where a column is absent, or cannot tell what it is said to."""
    prediction = output.prediction
    is_class = isinstance(rows.columns[prediction], Coded)
    if output.probabilities and not is_class:
        raise ReferenceError(f"probabilities are of classes, but {prediction!r} holds numbers")
    if output.groups and not is_class:
        raise ReferenceError(f"groups are compared by classes, but {prediction!r} holds numbers")
    if len(output.probabilities) > N_CLASSES or len(output.groups) > N_GROUP_COLUMNS:
        raise ReferenceError(f"more than {N_CLASSES} probabilities or {N_GROUP_COLUMNS} groups")
    for name in output.columns:
        if name not in rows.columns:
            raise ReferenceError(f"column {name!r} is not in the reference")
    for name in output.probabilities.values():
        if isinstance(rows.columns[name], Coded):
            raise ReferenceError(f"column {name!r} is a probability, but holds categories")
    for name in output.groups:
        if not isinstance(rows.columns[name], Coded):
            raise ReferenceError(f"column {name!r} has groups, but holds numbers")


def classes_of(output: Output, predicted: Coded, label: Coded | None) -> tuple[str, ...]:
    """The commonest classes, those that are named among them, sorted."""
    tally: Counter[str] = Counter()
    for column in (predicted, label):
        if column is not None:
            tally.update(_occurrences(column))
    ranked = _commonest_first(tally)
    named = [*output.probabilities, *([output.positive] if output.positive is not None else [])]
    return tuple(sorted(list(dict.fromkeys([*named, *ranked]))[:N_CLASSES]))


def positive_class(output: Output, classes: tuple[str, ...]) -> str | None:
    if output.positive is not None:
        return output.positive
    if len(output.probabilities) == 1:
        return next(iter(output.probabilities))
    return classes[-1] if len(classes) == 2 else None


def probabilities_counted(
    output: Output, classes: tuple[str, ...], positive: str | None
) -> Mapping[str, str]:
    """In the order of the classes; of two classes one probability says all."""
    known = {name: output.probabilities[name] for name in classes if name in output.probabilities}
    if len(classes) == 2 and positive in known:
        return {positive: known[positive]}
    return known


def groups_of(column: Coded) -> tuple[str, ...]:
    """The commonest values, the most common first."""
    return tuple(_commonest_first(_occurrences(column))[:N_GROUPS])


def _occurrences(column: Coded) -> Counter[str]:
    """How often each level occurs; those that do not are left out."""
    n = np.bincount(column.codes + 1, minlength=len(column.levels) + 1)[1:]
    pairs = zip(column.levels, n.tolist(), strict=True)
    return Counter({level: k for level, k in pairs if k})


def _commonest_first(tally: Counter[str]) -> list[str]:
    return sorted(tally, key=lambda level: (-tally[level], level))
