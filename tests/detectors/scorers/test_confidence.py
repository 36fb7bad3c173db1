import numpy as np
import pytest

from detectors.bins import ReferenceColumn, fit_column
from detectors.columns import ColumnType, Field, Floats, Role, Rows
from detectors.scorers.confidence import Confidence
from detectors.scorers.placed import PlacedRows


def uncertainty(**columns: Floats) -> Floats:
    rows = Rows(columns, len(next(iter(columns.values()))))
    bins: list[ReferenceColumn] = [
        fit_column(Field(name, ColumnType.FLOAT, Role.PREDICTION), np.linspace(0, 1, 50))
        for name in columns
    ]
    placed = PlacedRows.of(rows, bins)
    return Confidence.fit(placed, bins, rng=np.random.default_rng(0)).score(placed)


def test_of_one_probability_the_larger_of_it_and_its_complement_counts() -> None:
    assert uncertainty(p=np.array([0.1, 0.5, 1.0])) == pytest.approx([0.1, 0.5, 0.0])


def test_of_several_probabilities_the_largest_counts() -> None:
    found = uncertainty(
        a=np.array([0.2, 1 / 3]), b=np.array([0.7, 1 / 3]), c=np.array([0.1, 1 / 3])
    )
    assert found == pytest.approx([0.3, 2 / 3])


def test_a_missing_probability_is_full_uncertainty() -> None:
    assert uncertainty(p=np.array([np.nan])).tolist() == [1.0]


def test_predictions_that_are_no_probabilities_have_no_confidence() -> None:
    column = fit_column(Field("y", ColumnType.FLOAT, Role.PREDICTION), np.array([0.0, 7.0]))
    rows = PlacedRows.of(Rows({}, 1), [column])
    with pytest.raises(ValueError, match="no prediction is a probability"):
        Confidence.fit(rows, [column], rng=np.random.default_rng(0))
