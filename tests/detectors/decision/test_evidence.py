from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from detectors.artifact import Artifact, ArtifactError, pack
from detectors.columns import Floats
from detectors.decision.evidence import (
    BETS,
    Evidence,
    accumulate,
    by_component,
    from_trend,
    gains,
    grown,
    no_evidence,
    spread,
    stakes,
    start_sums,
    taught,
)


@pytest.mark.parametrize("bet", range(len(BETS)))
def test_a_bet_gains_nothing_on_average_while_nothing_is_wrong(bet: int) -> None:
    def gain(z: float) -> float:
        return float(gains(np.array([[z], [-z]]))[0, bet, 0] * norm.pdf(z))

    assert quad(gain, -12, 12)[0] == pytest.approx(1, abs=1e-9)


@given(st.floats(-12, 12))
def test_a_gain_is_the_likelihood_ratio(z: float) -> None:
    for i, m in enumerate(BETS):
        expected = norm.logpdf(z, loc=m) - norm.logpdf(z)
        assert np.log(gains(np.array([[z], [-z]]))[0, i, 0]) == pytest.approx(expected, abs=1e-9)


def test_the_sums_expect_as_many_as_the_windows_they_have_seen() -> None:
    rng = np.random.default_rng(1)
    sums = start_sums(400_000)
    for _ in range(3):
        z = rng.normal(size=400_000)
        sums = accumulate(sums, gains(np.stack([z, -z])))
    # The large bet pays rarely, so only the small one's mean can be seen in a sample.
    assert sums[:, 0].mean() == pytest.approx(3, rel=0.05)


def test_the_run_length_is_at_least_the_threshold() -> None:
    rng, threshold, lengths = np.random.default_rng(2), 50, []
    for _ in range(300):
        sums, t = start_sums(1), 0
        while by_component(sums)[0] < threshold:
            z = rng.normal(size=1)
            sums, t = accumulate(sums, gains(np.stack([z, -z]))), t + 1
        lengths.append(t)
    assert np.mean(lengths) >= threshold


def test_a_component_without_a_score_keeps_what_it_had() -> None:
    sums = np.arange(4.0 * len(BETS)).reshape(2, len(BETS), 2)
    after = accumulate(sums, gains(np.array([[np.nan, 1.0], [np.nan, -1.0]])))
    np.testing.assert_array_equal(after[..., 0], sums[..., 0])
    assert not np.array_equal(after[..., 1], sums[..., 1])


def some_evidence() -> Evidence:
    rng = np.random.default_rng(3)
    return Evidence(
        reference_id="sha256:0",
        sums=rng.exponential(size=(2, len(BETS), 5)),
        trend=rng.normal(size=5),
        mean=rng.normal(size=5),
        mean_variance=rng.exponential(size=5),
        squares=rng.exponential(size=5),
        n_scored=np.arange(5.0),
        n_windows=7,
        drifting=True,
    )


def test_evidence_survives_its_bytes() -> None:
    evidence = some_evidence()
    assert Evidence.from_bytes(evidence.to_bytes()) == evidence


def test_other_evidence_is_not_equal() -> None:
    assert some_evidence() != Evidence.from_bytes(
        pack("evidence", Artifact({"reference": "", "n_windows": 0, "drifting": False}, arrays(5)))
    )


def arrays(n: int, value: float = 0.0) -> dict[str, Floats]:
    return {
        "sums": np.full((2, len(BETS), n), value),
        "trend": np.zeros(n),
        "mean": np.zeros(n),
        "mean_variance": np.ones(5),
    }


META = {"reference": "sha256:0", "n_windows": 1, "drifting": False}


def test_of_evidence_with_other_bets_only_what_to_expect_is_kept() -> None:
    earlier = {**arrays(5), "sums": np.ones((2, 2, 5))}
    evidence = Evidence.from_bytes(pack("evidence", Artifact(META, earlier)))
    assert evidence.sums.shape == (2, len(BETS), 5)
    assert not evidence.sums.any()
    assert evidence.n_windows == 0
    np.testing.assert_array_equal(evidence.mean_variance, np.ones(5))


def test_scores_that_vary_more_than_expected_are_worth_less() -> None:
    rng = np.random.default_rng(4)
    evidence = replace(some_evidence(), squares=np.zeros(5), n_scored=np.zeros(5))
    for _ in range(3_000):
        scores = rng.normal(size=5) * (0.5, 1.0, 2.0, 3.0, np.nan)
        evidence = taught(evidence, scores, np.array([True] * 5))
    np.testing.assert_array_equal(evidence.n_scored, [3_000] * 4 + [0])
    found = spread(evidence.squares, evidence.n_scored, 30)
    np.testing.assert_allclose(found, [1, 1, 2, 3, 1], rtol=0.05)


def test_a_reference_is_heard_beside_what_was_seen_since() -> None:
    # Three times the variance, beyond a standard error.
    squares, n_scored = np.array([90 + np.sqrt(60)]), np.array([30.0])
    for n_windows, variance in ((30, 2.0), (0, 3.0), (np.inf, 1.0)):
        assert spread(squares, n_scored, n_windows)[0] ** 2 == pytest.approx(variance)


def test_what_is_not_trusted_teaches_nothing() -> None:
    evidence = some_evidence()
    after = taught(evidence, np.full(5, 9.0), np.array([False] * 5))
    assert after == evidence


def test_a_shift_is_bet_on_where_it_is_worth_seven_errors_of_the_mean() -> None:
    n_known = (7 / BETS) ** 2
    np.testing.assert_array_equal(stakes(n_known * 1.01) > 0, BETS[:, np.newaxis] >= BETS)
    assert not stakes(n_known[-1:] * 0.99).any()
    np.testing.assert_array_equal(stakes(np.array([np.inf])), 1)


@given(st.floats((7 / 3) ** 2 + 0.1, 1e6))
def test_every_window_stakes_one_on_average(n_known: float) -> None:
    assert stakes(np.array([n_known])).mean() == pytest.approx(1)


def test_what_moves_does_not_look_as_if_it_varied() -> None:
    evidence, n_known = no_evidence("", np.zeros(1), np.ones(1)), np.array([np.inf])
    deviations = []
    for _ in range(30):
        deviations.append(from_trend(evidence, np.array([1.0]))[0])
        evidence = grown(evidence, np.array([[1.0], [-1.0]]), np.array([1.0]), n_known)
    assert deviations[0] == 1
    assert abs(deviations[-1]) < 0.01


def test_deviations_from_a_trend_of_noise_have_variance_1() -> None:
    rng, n_known = np.random.default_rng(5), np.full(20_000, np.inf)
    evidence = no_evidence("", np.zeros(20_000), np.ones(20_000))
    for _ in range(5):
        scores = rng.normal(size=20_000)
        assert from_trend(evidence, scores).std() == pytest.approx(1, abs=0.03)
        evidence = grown(evidence, np.stack([scores, -scores]), scores, n_known)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not evidence",
        pack("profile", Artifact(META, arrays(5))),
        pack("evidence", Artifact({}, arrays(5))),
        pack("evidence", Artifact(META, {})),
        pack("evidence", Artifact(META, arrays(4))),
        pack("evidence", Artifact(META, arrays(5, value=np.inf))),
        some_evidence().to_bytes()[:-3],
    ],
)
def test_bytes_that_are_not_sound_evidence_are_refused(content: bytes) -> None:
    with pytest.raises(ArtifactError):
        Evidence.from_bytes(content)
