import numpy as np
import pytest

from detectors.columns import Coded
from detectors.labels import loss


def codes(*names: str | None, levels: tuple[str, ...]) -> Coded:
    return Coded(np.array([levels.index(n) if n else -1 for n in names], np.int32), levels)


def test_levels_that_nobody_predicted_are_wrong() -> None:
    said, true = codes("a", levels=("a",)), codes("z", levels=("y", "z"))
    assert loss(said, true).tolist() == [1.0]


def test_labels_without_levels_are_all_missing() -> None:
    said, true = codes("a", levels=("a",)), Coded(np.array([-1], np.int32), ())
    assert np.isnan(loss(said, true)).all()


def test_numbers_and_categories_have_no_error_in_common() -> None:
    with pytest.raises(TypeError, match="both be numbers or both be categories"):
        loss(np.zeros(1), codes("a", levels=("a",)))
