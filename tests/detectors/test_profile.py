from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.artifact import Artifact, ArtifactError, pack, unpack
from detectors.columns import Coded, Column, Floats, Rows
from detectors.profile import (
    ERROR,
    LARGEST_Z,
    RESOLUTION,
    Profile,
    count,
    count_labels,
    count_served,
    mean,
    rows_at,
)
from detectors.profile.sample import DEFAULT_LIMITS
from detectors.reference import OUTLIER, Reference
from tests.detectors.makers import SCHEMA, numbers, traffic


@cache
def fitted() -> Reference:
    """Hypothesis tests cannot use fixtures of one test; this one never changes."""
    rows, labels = traffic(400, seed=3)
    return Reference.fit(rows, SCHEMA, prediction="seats", label=labels)


def profile_of(speed: Floats) -> Profile:
    seats = np.where(np.isfinite(speed), speed, 1.0)
    rows = Rows({"speed": speed, "seats": seats}, len(speed))
    labels = count_labels(seats, np.zeros(len(speed)), fitted())
    return count(rows, fitted(), times=np.arange(float(len(speed)))) + labels


@given(numbers(20), numbers(20), numbers(20))
def test_addition_is_associative_commutative_and_has_an_identity(
    x: Floats, y: Floats, z: Floats
) -> None:
    a, b, c = profile_of(x), profile_of(y), profile_of(z)
    assert (a + b) + c == a + (b + c)
    assert a + b == b + a
    assert a + Profile.empty(fitted()) == a


@given(st.integers(0, 300), st.integers(0, 5))
def test_a_window_split_over_two_partitions_reports_what_one_would(cut: int, seed: int) -> None:
    rows, labels = traffic(300, seed)
    seats = rows.columns["seats"]
    assert not isinstance(seats, Coded)
    first, second = np.split(np.arange(300), [cut])
    halves = [
        count(rows_at(rows, part), fitted(), times=part.astype(np.float64))
        + count_labels(seats[part], labels[part], fitted())
        for part in (first, second)
    ]
    whole = count(rows, fitted(), times=np.arange(300.0)) + count_labels(seats, labels, fitted())
    assert halves[0] + halves[1] == whole


def test_more_rows_than_one_batch_holds_count_as_their_parts_do(reference: Reference) -> None:
    rows, _ = traffic(40_000, seed=4)
    parts = [count(rows_at(rows, np.arange(i, 40_000, 3)), reference) for i in range(3)]
    assert count(rows, reference) == parts[0] + parts[1] + parts[2]


@given(numbers(20))
def test_bytes_come_back_as_the_profile(speed: Floats) -> None:
    profile = profile_of(speed)
    content = profile.to_bytes()
    assert Profile.from_bytes(content, fitted()) == profile
    assert Profile.from_bytes(content, fitted()).to_bytes() == content


@given(numbers(20))
def test_the_counts_of_every_column_add_up_to_the_rows(speed: Floats) -> None:
    reference, profile = fitted(), profile_of(speed)
    for i, column in enumerate(reference.columns):
        expected = profile.n_labelled if column.field.name == ERROR else profile.n
        assert reference.part(profile.counts, i).sum() == expected


def test_a_thousand_rows_of_a_hundred_columns_take_at_most_40_kilobytes() -> None:
    rng = np.random.default_rng(0)
    data = Rows({f"x{i}": rng.normal(size=6_000) for i in range(100)}, 6_000)
    schema = [replace(SCHEMA[0], name=name) for name in data.columns]
    reference = Reference.fit(rows_at(data, slice(5_000)), schema)
    profile = count(rows_at(data, slice(5_000, None)), reference)
    assert len(profile.sample) == DEFAULT_LIMITS.size_bytes // 404
    assert len(profile.to_bytes()) <= 40_000


def test_the_mean_is_that_of_the_finite_values(reference: Reference) -> None:
    speed = np.array([1.0, 2.0, np.nan, np.inf, 4.5])
    profile = count(Rows({"speed": speed}, 5), reference)
    assert mean(profile, reference, "speed") == pytest.approx(2.5, abs=1e-5)
    assert mean(profile, reference, "stops") is None


def test_second_moments_give_the_variance_of_the_reference(reference: Reference) -> None:
    n = reference.profile.n
    z, z_squared = reference.profile.sums[reference.numeric.index(1)] / RESOLUTION / n
    assert (z, z_squared) == pytest.approx((0.0, 1.0), abs=1e-4)


def test_the_mean_of_a_column_that_was_constant_is_known() -> None:
    reference = Reference.fit(Rows({"speed": np.full(9, 1e9)}, 9), SCHEMA[:1])
    profile = count(Rows({"speed": np.array([1e9, 3e9])}, 2), reference)
    assert mean(profile, reference, "speed") == pytest.approx(2e9)


def test_the_mean_of_the_largest_numbers_is_a_number() -> None:
    reference = Reference.fit(Rows({"speed": np.array([1e308, -1e308])}, 2), SCHEMA[:1])
    profile = count(Rows({"speed": np.full(3, 1.7e308)}, 3), reference)
    assert mean(profile, reference, "speed") == pytest.approx(1.7e308)


def test_absurdly_far_values_are_clipped_before_they_are_summed(reference: Reference) -> None:
    speed = np.array([1e308, 1e308, -1e308])
    profile = count(Rows({"speed": speed}, 3), reference)
    assert profile.sums[0].tolist() == [LARGEST_Z * RESOLUTION[0], 3 * LARGEST_Z**2 * RESOLUTION[1]]


def test_the_mean_of_categories_is_refused(reference: Reference) -> None:
    with pytest.raises(TypeError, match="'weather' holds categories"):
        mean(reference.profile, reference, "weather")


def test_times_are_those_of_the_earliest_and_the_latest_row(
    rows: Rows, reference: Reference
) -> None:
    times = np.full(rows.n, 7.0)
    times[3:6] = (np.nan, 2.0, 9.0)
    profile = count(rows, reference, times=times)
    assert (profile.first_time, profile.last_time) == (2.0, 9.0)
    nothing = count(rows, reference, times=np.full(rows.n, np.nan))
    assert (nothing.first_time, nothing.last_time) == (None, None)


def test_labels_do_not_count_as_rows(reference: Reference) -> None:
    profile = count_labels(np.array([1.0, 2.0, np.nan]), np.array([1.5, np.nan, 1.0]), reference)
    assert (profile.n, profile.n_labelled) == (0, 1)
    assert reference.part(profile.counts, reference.index(ERROR)).sum() == 1
    assert profile.counts.sum() == 1


@pytest.mark.parametrize("what", ["predictions", "labels"])
def test_labels_of_another_kind_than_the_prediction_are_refused(
    what: str, reference: Reference
) -> None:
    columns: dict[str, Column] = {"predictions": np.zeros(1), "labels": np.zeros(1)}
    columns[what] = Coded(np.zeros(1, np.int32), ("full",))
    with pytest.raises(ValueError, match=f"{what} are categories, unlike the prediction 'seats'"):
        count_labels(columns["predictions"], columns["labels"], reference)


def test_every_row_gets_its_outlier_p_value(rows: Rows, reference: Reference) -> None:
    index = reference.index(OUTLIER)
    p_values = reference.scores(reference.placed(rows))[OUTLIER]
    counts = reference.part(count(rows, reference).counts, index)
    assert counts.tolist() == reference.score_columns[0].count(p_values).tolist()


@pytest.mark.parametrize("n", [0, 1])
def test_no_row_and_one_row_have_a_profile(n: int, reference: Reference) -> None:
    assert count(traffic(n, seed=5)[0], reference).n == n


def test_rows_of_nothing_but_surprises_have_a_profile(reference: Reference) -> None:
    values = np.array([np.nan, np.inf, -np.inf, 1.7e308, -1.7e308, 5e-324, -0.0, 2.0**60])
    columns: dict[str, Column] = dict.fromkeys(("speed", "stops", "seats"), values)
    columns["weather"] = Coded(np.array([0, 1, -1] * 2 + [0, 0], np.int32), ("Ünwetter 🌪", ""))
    profile = count(Rows(columns, 8), reference)
    assert profile + profile == count(
        rows_at(Rows(columns, 8), np.tile(np.arange(8), 2)), reference
    )


def test_profiles_of_two_references_do_not_add(reference: Reference) -> None:
    with pytest.raises(ValueError, match="profiles of sha256:"):
        reference.profile + Profile.empty(fitted())


def test_a_profile_of_another_reference_is_refused(reference: Reference) -> None:
    with pytest.raises(ArtifactError, match="profile of sha256:"):
        Profile.from_bytes(reference.profile.to_bytes(), fitted())


def test_counts_that_do_not_add_up_are_refused(reference: Reference) -> None:
    profile = reference.profile
    wrong = replace(profile, n=profile.n + 1, census=profile.census + 1)
    with pytest.raises(ArtifactError, match="column 'speed' counts 6000 rows, expected 6001"):
        Profile.from_bytes(wrong.to_bytes(), reference)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("n",), -1),
        (("n",), 2.5),
        (("n",), None),
        (("first_time",), "yesterday"),
    ],
)
def test_impossible_numbers_are_refused(
    path: tuple[str, ...], value: object, reference: Reference
) -> None:
    artifact = unpack("profile", reference.profile.to_bytes())
    target = artifact.meta["profiles"][0]
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value
    with pytest.raises(ArtifactError):
        Profile.from_bytes(pack("profile", artifact), reference)


def test_more_bytes_than_a_profile_can_have_are_not_even_unpacked(reference: Reference) -> None:
    bomb = pack("profile", Artifact({}, {"zeros": np.zeros(10**6)}))
    with pytest.raises(ArtifactError, match="larger than"):
        Profile.from_bytes(bomb, reference)


def test_arrays_of_the_wrong_shape_are_refused(reference: Reference) -> None:
    wrong = replace(reference.profile, counts=reference.profile.counts[:-1])
    with pytest.raises(ArtifactError, match="counts have shape"):
        Profile.from_bytes(wrong.to_bytes(), reference)


def test_requests_add_beside_rows_and_survive_their_bytes() -> None:
    rows = profile_of(np.ones(3))
    asked = count_served(fitted(), {0: 2, 7: 5}) + count_served(fitted(), {7: 1})
    both = rows + asked
    assert (both.n, both.served[[0, 7]].tolist()) == (3, [2, 6])
    assert Profile.from_bytes(both.to_bytes(), fitted()) == both


def test_without_requests_a_profile_s_bytes_tell_of_none() -> None:
    rows = profile_of(np.ones(3))
    artifact = unpack("profile", rows.to_bytes(), largest_bytes=1 << 20)
    assert "served" not in artifact.arrays
    assert not Profile.from_bytes(rows.to_bytes(), fitted()).served.any()


def test_a_negative_number_of_requests_is_damage() -> None:
    wrong = replace(profile_of(np.ones(3)), served=-count_served(fitted(), {0: 1}).served)
    with pytest.raises(ArtifactError, match="negative"):
        Profile.from_bytes(wrong.to_bytes(), fitted())
