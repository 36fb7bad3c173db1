import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import GradientBoostingRegressor

from detectors.artifact import Arrays, Artifact
from detectors.scorers.trees import Trees


def fitted(seed: int, depth: int, n_trees: int) -> tuple[GradientBoostingRegressor, Trees]:
    rng = np.random.default_rng(seed)
    features = rng.integers(0, 20, (300, 3))
    target = features[:, 0] * (features[:, 1] > 5) + rng.normal(size=300)
    model = GradientBoostingRegressor(n_estimators=n_trees, max_depth=depth, random_state=0)
    model.fit(features, target)
    trees = [estimator.tree_ for estimator in model.estimators_.ravel()]
    values = [model.learning_rate * tree.value.ravel() for tree in trees]
    return model, Trees.of(trees, values, base=float(model.init_.constant_.item()))


@settings(max_examples=20)
@given(st.integers(0, 99), st.integers(1, 7), st.integers(1, 12), st.sampled_from([7, 500]))
def test_they_predict_what_scikit_learn_does(
    seed: int, depth: int, n_trees: int, n_rows: int
) -> None:
    model, trees = fitted(seed, depth, n_trees)
    rows = np.random.default_rng(seed + 1).integers(-5, 25, (n_rows, 3)).astype(np.int16)
    np.testing.assert_allclose(
        trees.predict(np.ascontiguousarray(rows.T)), model.predict(rows), rtol=1e-12, atol=1e-12
    )


def test_a_target_without_variation_is_predicted_exactly() -> None:
    features = np.zeros((50, 2))
    model = GradientBoostingRegressor(n_estimators=3).fit(features, np.full(50, 0.25))
    trees = [estimator.tree_ for estimator in model.estimators_.ravel()]
    found = Trees.of(trees, [tree.value.ravel() for tree in trees], base=0.25)
    assert found.predict(np.zeros((2, 50), np.int16)).tolist() == [0.25] * 50


def test_no_rows_give_no_predictions() -> None:
    assert fitted(0, 3, 5)[1].predict(np.empty((3, 0), dtype=np.int16)).shape == (0,)


def test_a_row_is_scored_alike_in_every_batch() -> None:
    _, trees = fitted(0, 4, 12)
    rows = np.random.default_rng(1).integers(0, 20, (3, 300)).astype(np.int16)
    singly = [trees.predict(rows[:, i : i + 1])[0] for i in range(300)]
    assert trees.predict(rows).tolist() == singly


def test_contributions_add_up_to_the_difference_from_what_the_roots_expect() -> None:
    _, trees = fitted(0, 4, 12)
    rows = np.random.default_rng(1).integers(0, 20, (3, 100)).astype(np.int16)
    terms = trees.contributions(rows)
    expected = trees.predict(rows) - trees.base - trees.value[trees.roots].sum()
    np.testing.assert_allclose(terms.sum(axis=1), expected)
    assert np.abs(terms).mean(axis=0).argmin() == 2  # the column of which nothing depends


STUMP = Trees(
    roots=np.zeros(1, np.int32),
    feature=np.zeros(3, np.int32),
    threshold=np.zeros(3, np.int16),
    left=np.array([1, 1, 2], np.int32),
    right=np.array([2, 1, 2], np.int32),
    value=np.arange(3.0),
    base=0.0,
)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("left", [2, 1, 2]),
        ("left", [9, 1, 2]),
        ("right", [1, 1, 2]),
        ("feature", [-1, 0, 0]),
        ("feature", [2, 0, 0]),
        ("threshold", [0.5, 0.0, 0.0]),
        ("roots", [3]),
        ("value", [0.0, 1.0]),
        ("value", [0.0, 1.0, np.nan]),
    ],
)
def test_arrays_that_are_not_trees_are_refused(name: str, values: list[float]) -> None:
    good = STUMP.to_artifact()
    assert Trees.from_artifact(good, n_columns=2).predict(np.zeros((2, 1), np.int16)) == [1.0]
    kind = np.int32 if all(isinstance(value, int) for value in values) else np.float64
    arrays: Arrays = {**good.arrays, name: np.array(values, kind)}
    bad = Artifact(good.meta, arrays)
    with pytest.raises(ValueError, match="trees"):
        Trees.from_artifact(bad, n_columns=2)


def chain(depth: int) -> Artifact:
    """A tree that goes down to the right, with a leaf on every left."""
    inner = np.arange(0, 2 * depth, 2)
    left, right = np.arange(2 * depth + 1), np.arange(2 * depth + 1)
    left[inner], right[inner] = inner + 1, inner + 2
    arrays: Arrays = {
        "roots": np.zeros(1, np.int32),
        "feature": np.zeros(len(left), np.int32),
        "threshold": np.arange(len(left), dtype=np.int16),
        "left": left.astype(np.int32),
        "right": right.astype(np.int32),
        "value": np.arange(float(len(left))),
    }
    return Artifact({"base": 0.0}, arrays)


def test_the_largest_tree_is_scored_alike_by_both_ways_of_evaluating() -> None:
    trees = Trees.from_artifact(chain(255), n_columns=1)
    rows = np.arange(600, dtype=np.int16)[None, :]
    singly = [trees.predict(rows[:, i : i + 1])[0] for i in range(600)]
    assert trees.predict(rows).tolist() == singly


@pytest.mark.parametrize("depth", [256, 5_000])
def test_trees_of_too_many_leaves_are_refused(depth: int) -> None:
    with pytest.raises(ValueError, match="trees"):
        Trees.from_artifact(chain(depth), n_columns=1)
