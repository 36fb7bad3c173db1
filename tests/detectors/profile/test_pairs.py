from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from detectors.artifact import Artifact, ArtifactError, pack, unpack
from detectors.bins import MISSING, NumericColumn, Places, fit_column, place
from detectors.columns import Column, ColumnType, Field, Floats, Role, Rows
from detectors.profile import Profile, count
from detectors.profile.pairs import LARGEST_SCORE, UNIT, RankPairs
from detectors.reference import Reference


def correlated(n: int, n_columns: int, seed: int = 0) -> Rows:
    """Neighbours are correlated by .5, columns farther apart the less."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(n_columns + 1, n))
    return Rows({f"x{i}": noise[i] + noise[i + 1] for i in range(n_columns)}, n)


def schema_of(rows: Rows) -> list[Field]:
    return [Field(name, ColumnType.FLOAT) for name in rows.columns]


def placed(rows: Rows) -> tuple[Places, list[NumericColumn]]:
    columns = [fit_column(field, rows.columns[field.name]) for field in schema_of(rows)]
    numeric = [column for column in columns if isinstance(column, NumericColumn)]
    return place(rows, numeric), numeric


def values_of(rows: Rows, name: str) -> Floats:
    column = rows.columns[name]
    assert isinstance(column, np.ndarray)
    return column


def test_the_mean_product_of_two_columns_is_their_rank_correlation() -> None:
    rows = correlated(20_000, 3)
    reference = Reference.fit(rows, schema_of(rows))
    for (i, j), total in zip(reference.pairs, reference.profile.pairs, strict=True):
        expected = stats.spearmanr(values_of(rows, f"x{i}"), values_of(rows, f"x{j}")).statistic
        assert total / rows.n / UNIT**2 == pytest.approx(expected, abs=5e-3)


def test_a_correlation_that_is_lost_is_seen_though_every_column_stays_the_same() -> None:
    rows = correlated(5_000, 2)
    reference = Reference.fit(rows, schema_of(rows))
    shuffled = Rows({"x0": values_of(rows, "x0"), "x1": np.roll(values_of(rows, "x1"), 7)}, 5_000)
    profile = count(shuffled, reference)
    n_declared = reference.offsets[2]
    assert (profile.counts == reference.profile.counts)[:n_declared].all()
    assert abs(profile.pairs[0]) < 0.1 * reference.profile.pairs[0]


@given(st.integers(0, 3_000), st.integers(2, 6), st.booleans())
def test_sums_are_exactly_those_of_the_definition(n: int, n_columns: int, far: bool) -> None:
    places, columns = placed(correlated(40, n_columns))
    fitted = RankPairs.fit(places, columns)
    if far:  # the largest scores there can be, on which a float32 would fail first
        fitted = replace(fitted, scores=np.full_like(fitted.scores, LARGEST_SCORE))
    rows = np.random.default_rng(n).integers(0, places.shape[1], n)
    scores = fitted.scores.astype(np.int64)[places[:, rows]]
    expected = [(scores[i] * scores[j]).sum() for i, j in fitted.columns]
    assert fitted.sums(places[:, rows]).tolist() == expected


def test_of_too_many_pairs_the_most_correlated_are_kept() -> None:
    fitted = RankPairs.fit(*placed(correlated(2_000, 30)), largest_n_pairs=29)
    assert fitted.columns.tolist() == [[i, i + 1] for i in range(29)]


def test_few_pairs_of_many_columns_are_multiplied_one_by_one_with_the_same_result() -> None:
    places, columns = placed(correlated(2_000, 120))
    every = RankPairs.fit(places, columns)
    distance = np.diff(every.columns, axis=1)[:, 0]
    sparse = RankPairs(columns=every.columns[distance == 1], scores=every.scores)
    assert sparse.sums(places).tolist() == every.sums(places)[distance == 1].tolist()


def test_a_missing_value_adds_nothing_and_infinities_count_as_the_extremes() -> None:
    rows = correlated(500, 2)
    fitted = RankPairs.fit(*placed(rows))
    _, columns = placed(rows)
    ends = np.array([np.nan, np.inf, -np.inf])
    odd: dict[str, Column] = {"x0": ends, "x1": np.full(3, np.inf)}
    sums = [fitted.sums(place(Rows(odd, 3), columns)[:, [row]])[0] for row in range(3)]
    assert sums[0] == fitted.scores[MISSING] == 0
    assert sums[1] > 0 > sums[2]


def test_labels_categories_and_constants_are_in_no_pair() -> None:
    values = np.arange(50.0)
    columns: dict[str, Column] = {
        "x": values,
        "constant": np.ones(50),
        "truth": values,
        "y": -values,
    }
    schema = [Field(name, ColumnType.FLOAT) for name in columns]
    schema[2] = Field("truth", ColumnType.FLOAT, Role.LABEL)
    reference = Reference.fit(Rows(columns, 50), schema)
    assert reference.pairs.tolist() == [[0, 3]]


def test_a_reference_of_one_column_has_no_pairs() -> None:
    rows = correlated(50, 1)
    reference = Reference.fit(rows, schema_of(rows))
    assert reference.pairs.shape == (0, 2)
    assert count(rows, reference).pairs.tolist() == []


@pytest.mark.parametrize(
    "damage",
    [
        {"rank_pairs/columns": np.array([[0, 9]], np.uint32)},
        {"rank_pairs/columns": np.array([[1, 1]], np.uint32)},
        {"rank_pairs/columns": np.array([0, 1], np.uint32)},
        {"rank_pairs/scores": np.zeros(3, np.int8)},
        {"profile/pairs": np.zeros((1, 2), np.int64)},
        {"profile/pairs": np.full((1, 1), 2**40)},
    ],
)
def test_damaged_pairs_are_refused(damage: dict[str, np.ndarray]) -> None:
    rows = correlated(50, 2)
    artifact = unpack("reference", Reference.fit(rows, schema_of(rows)).to_bytes())
    wrong = Artifact(artifact.meta, {**artifact.arrays, **damage})
    with pytest.raises(ArtifactError):
        Reference.from_bytes(pack("reference", wrong))


def test_bytes_keep_the_pairs() -> None:
    rows = correlated(300, 4)
    reference = Reference.fit(rows, schema_of(rows))
    assert Reference.from_bytes(reference.to_bytes()).pairs.tolist() == reference.pairs.tolist()
    again = Profile.from_bytes(reference.profile.to_bytes(), reference)
    assert again.pairs.tolist() == reference.profile.pairs.tolist()
