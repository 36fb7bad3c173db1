import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from detectors.artifact import Artifact, ArtifactError, pack
from detectors.columns import Floats
from detectors.decision.evidence import BETS, Evidence, accumulate, by_component, gains, start_sums


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
    sums = np.arange(8.0).reshape(2, 2, 2)
    after = accumulate(sums, gains(np.array([[np.nan, 1.0], [np.nan, -1.0]])))
    np.testing.assert_array_equal(after[..., 0], sums[..., 0])
    assert not np.array_equal(after[..., 1], sums[..., 1])


def some_evidence() -> Evidence:
    rng = np.random.default_rng(3)
    return Evidence(
        reference_id="sha256:0",
        sums=rng.exponential(size=(2, 2, 5)),
        trend=rng.normal(size=5),
        mean=rng.normal(size=5),
        mean_variance=rng.exponential(size=5),
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
        "sums": np.full((2, 2, n), value),
        "trend": np.zeros(n),
        "mean": np.zeros(n),
        "mean_variance": np.ones(5),
    }


META = {"reference": "sha256:0", "n_windows": 1, "drifting": False}


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
