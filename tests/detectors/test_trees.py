import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import GradientBoostingRegressor

from detectors.artifact import Artifact
from detectors.scorers.expected_error import trees_of
from detectors.trees import Trees


def fitted(seed: int, depth: int, n_trees: int) -> tuple[GradientBoostingRegressor, Trees]:
    rng = np.random.default_rng(seed)
    features = rng.integers(0, 20, (200, 3)).astype(np.float32)
    target = features[:, 0] * (features[:, 1] > 5) + rng.normal(size=200)
    model = GradientBoostingRegressor(n_estimators=n_trees, max_depth=depth, random_state=0)
    return model.fit(features, target), trees_of(model)


@settings(max_examples=20)
@given(st.integers(0, 99), st.integers(1, 4), st.integers(1, 12))
def test_they_predict_what_scikit_learn_does(seed: int, depth: int, n_trees: int) -> None:
    model, trees = fitted(seed, depth, n_trees)
    rows = np.random.default_rng(seed + 1).uniform(-5, 25, (50, 3)).astype(np.float32)
    np.testing.assert_allclose(trees.predict(rows.T), model.predict(rows), rtol=1e-12)


def test_a_target_without_variation_is_predicted_exactly() -> None:
    features = np.zeros((50, 2), dtype=np.float32)
    model = GradientBoostingRegressor(n_estimators=3).fit(features, np.full(50, 0.25))
    assert trees_of(model).predict(features.T).tolist() == [0.25] * 50


def test_no_rows_give_no_predictions() -> None:
    assert fitted(0, 3, 5)[1].predict(np.empty((3, 0), dtype=np.float32)).shape == (0,)


def test_a_row_is_scored_alike_in_every_batch() -> None:
    _, trees = fitted(0, 3, 12)
    rows = np.random.default_rng(1).integers(0, 20, (3, 100)).astype(np.float32)
    singly = [trees.predict(rows[:, i : i + 1])[0] for i in range(100)]
    assert trees.predict(rows).tolist() == singly


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("left", [2, 1, 2]),
        ("left", [9, 1, 2]),
        ("right", [1, 1, 2]),
        ("feature", [-1, 0, 0]),
        ("feature", [2, 0, 0]),
        ("roots", [3]),
        ("value", [0.0, 1.0]),
    ],
)
def test_arrays_that_are_not_trees_are_refused(name: str, values: list[float]) -> None:
    stump = Trees(
        roots=np.zeros(1, np.int32),
        feature=np.zeros(3, np.int32),
        threshold=np.zeros(3),
        left=np.array([1, 1, 2], np.int32),
        right=np.array([2, 1, 2], np.int32),
        value=np.arange(3.0),
        base=0.0,
    )
    good = stump.to_artifact()
    assert Trees.from_artifact(good, n_columns=2).predict(np.zeros((2, 1), np.float32)) == [1.0]
    bad = Artifact(good.meta, {**good.arrays, name: np.array(values)})
    with pytest.raises(ValueError, match="trees"):
        Trees.from_artifact(bad, n_columns=2)
