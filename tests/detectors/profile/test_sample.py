from collections.abc import Sequence
from functools import reduce
from operator import add

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from detectors.artifact import Artifact, ArtifactError, pack, unpack
from detectors.bins import ReferenceColumn, fit_column
from detectors.columns import Coded, ColumnType, Field, Rows, rows_at
from detectors.profile import Profile, count
from detectors.profile.sample import Sample, SampleLimits, keys_of_ids, keys_of_rows
from detectors.reference import Reference
from tests.detectors.makers import SCHEMA, traffic

LIMIT = 20


def data(n: int, seed: int = 0) -> Rows:
    rng = np.random.default_rng(seed)
    level = rng.integers(-1, 3, n).astype(np.int32)
    return Rows({"x": rng.normal(size=n), "c": Coded(level, ("a", "b", "c"))}, n)


def columns_of(rows: Rows) -> list[ReferenceColumn]:
    types = {"x": ColumnType.FLOAT, "c": ColumnType.CATEGORY}
    return [fit_column(Field(name, types[name]), rows.columns[name]) for name in rows.columns]


COLUMNS = columns_of(data(500))


def sampled(rows: Rows, ids: Sequence[str], limit: int = LIMIT) -> Sample:
    return Sample.of(rows, keys_of_ids(ids), COLUMNS, limit)


def names(n: int) -> list[str]:
    return [f"prediction-{i:06}" for i in range(n)]


@given(st.lists(st.integers(0, 2), max_size=120), st.permutations(range(3)))
def test_rows_are_chosen_alike_however_they_are_split(part: list[int], order: list[int]) -> None:
    n, parts = len(part), np.array(part, dtype=np.intp)
    rows, ids = data(n), np.array(names(n))
    where = [np.flatnonzero(parts == i) for i in order]
    split = [sampled(rows_at(rows, w), ids[w].tolist()) for w in where]
    whole = sampled(rows, names(n))
    assert reduce(add, split) == whole
    assert split[0] + (split[1] + split[2]) == whole
    assert len(whole) == min(n, LIMIT)


def test_a_row_that_is_seen_again_changes_nothing() -> None:
    whole = sampled(data(100), names(100))
    again = sampled(rows_at(data(100), np.arange(40)), names(40))
    assert whole + again == again + whole == whole + whole == whole
    assert whole + Sample.empty(COLUMNS, LIMIT) == whole


def test_of_two_rows_of_one_id_the_same_is_kept_in_any_order() -> None:
    one, two = (sampled(data(1, seed), ["twin"]) for seed in (1, 2))
    assert one + two == two + one
    assert len(one + two) == 1
    both = Rows({"x": np.array([1.0, 2.0])}, 2)
    assert sampled(both, ["twin"] * 2) == sampled(rows_at(both, np.array([1, 0])), ["twin"] * 2)


def test_every_row_is_as_likely_to_be_chosen() -> None:
    n, chosen = 200, np.zeros(200)
    rows = Rows({"x": np.arange(float(n))}, n)
    for trial in range(400):
        sample = sampled(rows, [f"{trial}/{i}" for i in range(n)])
        chosen[sample.numbers[0].astype(np.intp)] += 1
    # Without replacement the counts vary a little less than chi-squared says.
    assert stats.chisquare(chosen).pvalue > 1e-3
    assert stats.kstest(keys_of_ids(names(2_000)) / 2**32, "uniform").pvalue > 1e-3


def test_many_rows_are_sampled_as_by_sorting_them_all() -> None:
    n = 50_000
    keys = keys_of_ids(names(n))
    sample = Sample.of(data(n), keys, COLUMNS, LIMIT)
    order = np.argsort(keys)[:LIMIT]
    assert sample.keys.tolist() == keys[order].tolist()
    x = data(n).columns["x"]
    assert isinstance(x, np.ndarray)
    assert sample.numbers[0].tolist() == x[order].astype(np.float32).tolist()


def test_rows_without_ids_are_told_apart_by_values_and_times() -> None:
    rows = Rows({"x": np.array([1.0, 1.0, -1.0]), "c": Coded(np.zeros(3, np.int32), ("a",))}, 3)
    assert len(np.unique(keys_of_rows(rows, COLUMNS))) == 2
    assert len(np.unique(keys_of_rows(rows, COLUMNS, times=np.arange(3.0)))) == 3


def test_keys_of_values_do_not_depend_on_codes() -> None:
    x = np.array([0.5, 2.0])
    one = Coded(np.array([0, 1], np.int32), ("a", "b"))
    two = Coded(np.array([2, 0], np.int32), ("b", "z", "a"))
    keys = [keys_of_rows(Rows({"x": x, "c": c}, 2), COLUMNS).tolist() for c in (one, two)]
    assert keys[0] == keys[1]


def test_opposite_values_in_two_columns_have_keys_of_their_own() -> None:
    columns = [fit_column(Field(name, ColumnType.FLOAT), np.arange(9.0)) for name in "xy"]
    values = np.array([3.0, -3.0])
    keys = keys_of_rows(Rows({"x": values, "y": values}, 2), columns)
    assert keys[0] != keys[1]


def test_a_sample_gives_rows_back() -> None:
    levels = Coded(np.array([0, 1, 2, -1], np.int32), ("a", "c", "never seen"))
    rows = Rows({"x": np.array([1.5, np.nan, np.inf, -2.0]), "c": levels}, 4)
    sample = sampled(rows, names(4))
    back = sample.rows(COLUMNS)
    x, c = back.columns["x"], back.columns["c"]
    assert isinstance(x, np.ndarray)
    assert isinstance(c, Coded)
    found = zip(x.astype(str), c.codes, strict=True)
    levels_of = {value: c.levels[code] if code >= 0 else None for value, code in found}
    assert levels_of == {"1.5": "a", "nan": "c", "inf": "unseen", "-2.0": None}
    assert Sample.of(back, sample.keys, COLUMNS, LIMIT) == sample


@pytest.mark.parametrize(
    ("limits", "n"), [((1_000, 10**9), 1_000), ((1_000, 100), 10), ((9, 0), 0)]
)
def test_a_sample_keeps_within_its_limits(limits: tuple[int, int], n: int) -> None:
    assert SampleLimits(rows=limits[0], size_bytes=limits[1]).n_rows(COLUMNS) == n


def test_a_profile_carries_a_sample_by_its_predictions_ids(reference: Reference) -> None:
    rows, ids = traffic(2_000, seed=9)[0], np.array(names(2_000))
    profile = count(rows, reference, ids=ids.tolist())
    assert len(profile.sample) == reference.sample_limit == 14_336 // 20
    assert Profile.from_bytes(profile.to_bytes(), reference) == profile
    parts = np.split(np.arange(2_000), [700])
    first, second = (count(rows_at(rows, p), reference, ids=ids[p].tolist()) for p in parts)
    assert first + second == profile


def test_a_reference_keeps_a_larger_sample_and_its_profiles_none(reference: Reference) -> None:
    assert len(reference.sample) == 5_000
    assert len(reference.profile.sample) == 0
    assert reference.sample.rows(reference.declared).n == 5_000


def test_a_profile_may_have_no_sample() -> None:
    rows = traffic(300, seed=9)[0]
    reference = Reference.fit(rows, SCHEMA).sampling(SampleLimits(rows=0))
    profile = count(rows, reference)
    assert len(profile.sample) == 0
    assert Profile.from_bytes(profile.to_bytes(), reference) == profile


@pytest.mark.parametrize(
    "damage",
    [
        {"sample_sizes": np.array([3], np.uint32)},
        {"sample_sizes": np.array([10**6], np.uint32)},
        {"sample_sizes": np.array([2, 2], np.uint32)},
        {"sample_keys": np.zeros(4, np.uint32)},
        {"sample_keys": np.zeros(4, np.int64)},
        {"sample_numbers": np.zeros((1, 4), np.float32)},
        {"sample_numbers": np.zeros((3, 4), np.float64)},
        {"sample_slots": np.full((2, 4), 500, np.uint16)},
    ],
)
def test_damaged_samples_are_refused(damage: dict[str, np.ndarray], reference: Reference) -> None:
    artifact = unpack("profile", count(traffic(4, seed=9)[0], reference).to_bytes())
    wrong = Artifact(artifact.meta, {**artifact.arrays, **damage})
    with pytest.raises(ArtifactError):
        Profile.from_bytes(pack("profile", wrong), reference)
