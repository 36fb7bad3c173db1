"""Text, times and vectors in references, profiles and reports."""

from dataclasses import replace

import numpy as np
import pytest

from detectors.artifact import ArtifactError
from detectors.columns import Coded, Column, ColumnType, Field, Floats, Role, Rows
from detectors.decision import Detector
from detectors.decision.budget import Budget
from detectors.profile import Profile, count, rows_at
from detectors.reference import Reference
from detectors.report import Verdict
from detectors.report.compare import report
from detectors.schema import ReferenceError  # noqa: A004  # the other one is about weak references

SCHEMA = (
    Field("price", ColumnType.FLOAT),
    Field("comment", ColumnType.TEXT),
    Field("booked", ColumnType.TIMESTAMP),
    Field("face", ColumnType.VECTOR),
    Field("seats", ColumnType.FLOAT, Role.PREDICTION),
)
DAY_S = 86_400.0
VOCABULARY = ("late", "again", "the train", "nobody said", "why")


def traffic(n: int, seed: int, *, shift: float = 0.0) -> Rows:
    rng = np.random.default_rng(seed)
    face = rng.normal(size=(n, 8)).astype(np.float32)
    face[:, 7] += shift
    texts = [" ".join(rng.choice(VOCABULARY, rng.poisson(4) + 1)) for _ in range(n)]
    levels = sorted(set(texts))
    codes = {text: code for code, text in enumerate(levels)}
    columns: dict[str, Column] = {
        "price": rng.normal(size=n),
        "comment": Coded(np.array([codes[text] for text in texts], dtype=np.int32), levels),
        "booked": times(n) - rng.exponential(20 * DAY_S, n),
        "face": face.astype(np.float64),
        "seats": rng.normal(size=n),
    }
    return Rows(columns, n)


def times(n: int) -> Floats:
    """A thousand rows a day."""
    return np.arange(float(n)) * (DAY_S / 1000)


@pytest.fixture(scope="module")
def reference() -> Reference:
    return Reference.fit(
        traffic(20_000, seed=1),
        SCHEMA,
        times=times(20_000),
        window_lengths_s=[DAY_S],
        prediction="seats",
    )


def test_the_schema_is_what_rows_come_with_and_the_columns_are_plain(reference: Reference) -> None:
    assert [field.name for field in reference.schema] == [field.name for field in SCHEMA]
    assert {"comment.words", "booked.age", "face.norm", "face.pc5"} <= {
        column.field.name for column in reference.columns
    }
    assert not any(column.field.type.is_derived for column in reference.columns)


def test_it_comes_back_from_its_bytes(reference: Reference) -> None:
    read = Reference.from_bytes(reference.to_bytes())
    assert read.id == reference.id
    assert read.schema == reference.schema
    rows = traffic(50, seed=2)
    assert count(rows, read, times=times(50)) == count(rows, reference, times=times(50))


def test_a_window_split_over_two_partitions_counts_as_one(reference: Reference) -> None:
    rows, at = traffic(300, seed=2), times(300)
    parts = [
        count(rows_at(rows, where), reference, times=at[where])
        for where in (slice(0, 110), slice(110, None))
    ]
    assert parts[0] + parts[1] == count(rows, reference, times=at)


def test_profiles_come_back_from_their_bytes(reference: Reference) -> None:
    profile = count(traffic(300, seed=2), reference, times=times(300))
    assert profile.vectors.any()
    assert Profile.from_bytes(profile.to_bytes(), reference) == profile


def test_impossible_sums_of_vectors_are_refused(reference: Reference) -> None:
    profile = count(traffic(30, seed=2), reference, times=times(30))
    damaged = replace(profile, vectors=profile.vectors * 1000)
    with pytest.raises(ArtifactError, match="sums of vectors"):
        Profile.from_bytes(damaged.to_bytes(), reference)


def test_the_references_own_vectors_are_in_its_profile(reference: Reference) -> None:
    ((step, sums),) = reference.derivations.vectors(reference.profile.vectors).values()
    moments = step.embedding.moments(sums)
    assert moments.n == 20_000
    np.testing.assert_allclose(np.diag(moments.covariance), step.embedding.scales**2, rtol=0.02)


def test_columns_that_the_rows_lack_are_missing(reference: Reference) -> None:
    rows = Rows({"price": np.zeros(5), "seats": np.zeros(5)}, 5)
    profile = count(rows, reference, times=times(5))
    index = reference.index("face.norm")
    assert reference.part(profile.counts, index)[0] == 5
    assert not profile.vectors.any()


@pytest.mark.parametrize(("shift", "verdict"), [(0.0, Verdict.QUIET), (1.0, Verdict.DRIFT)])
def test_a_shift_of_vectors_is_drift_and_the_report_says_how_far(
    reference: Reference, shift: float, verdict: Verdict
) -> None:
    profile = count(traffic(1000, seed=3, shift=shift), reference, times=times(1000))
    yearly = Budget(alarms=1, period_s=365 * DAY_S)
    detector = Detector(reference, window_s=DAY_S, budget=yearly)
    _, decision = detector.step(detector.start(), profile)
    found = report(reference, profile, decision)
    assert found.verdict is verdict
    norm = next(column for column in found.columns if column.name == "face.norm")
    assert {"hotelling", "frechet_distance", "mmd_fourier"} <= norm.statistics.keys()
    assert norm.statistics["frechet_distance"] == pytest.approx(max(shift, 0.1), abs=0.15)


def test_a_derived_column_matters_as_much_as_what_it_is_derived_of(reference: Reference) -> None:
    profile = count(traffic(1000, seed=3, shift=1.0), reference, times=times(1000))
    detector = Detector(reference, window_s=DAY_S, budget=Budget(alarms=1, period_s=365 * DAY_S))
    _, decision = detector.step(detector.start(), profile)
    found = report(reference, profile, decision, importance={"face": 2.0, "price": 1.0})
    assert found.explanation is not None
    assert found.explanation.movements[0].name.startswith("face.")
    assert found.explanation.movements[0].weight > 0


@pytest.mark.parametrize(
    ("field", "values", "reason"),
    [
        (Field("x", ColumnType.VECTOR), np.zeros(9), "'x' is a vector, but does not hold vectors"),
        (Field("x", ColumnType.TIMESTAMP), np.zeros((9, 2)), "does not hold times"),
        (Field("x", ColumnType.TEXT), np.zeros(9), "'x' is text, but holds numbers"),
        (Field("price", ColumnType.VECTOR), np.zeros((9, 5000)), "vectors of 5000 dimensions"),
    ],
)
def test_data_unlike_their_type_are_an_error_that_names_the_column(
    field: Field, values: Column, reason: str
) -> None:
    with pytest.raises(ReferenceError, match=reason):
        Reference.fit(Rows({field.name: values}, 9), [field])


def test_a_column_may_not_have_the_name_of_a_derived_one() -> None:
    rows = Rows({"v": np.eye(9), "v.norm": np.arange(9.0)}, 9)
    schema = [Field("v", ColumnType.VECTOR), Field("v.norm", ColumnType.FLOAT)]
    with pytest.raises(ReferenceError, match=r"'v.norm' is derived of another column"):
        Reference.fit(rows, schema)


def test_no_label_can_be_compared_with_a_vector() -> None:
    rows = Rows({"v": np.eye(9)}, 9)
    with pytest.raises(ReferenceError, match="'v' is vector, which no label"):
        Reference.fit(rows, [Field("v", ColumnType.VECTOR)], prediction="v")


def test_vectors_of_another_length_are_an_error_that_names_the_column(
    reference: Reference,
) -> None:
    rows = Rows({"face": np.zeros((3, 7))}, 3)
    with pytest.raises(ValueError, match="'face' holds vectors of 7 dimensions"):
        count(rows, reference)
