"""Evidence that is carried from window to window: a Shiryaev-Roberts e-detector.

Each component bets, on a rise and on a fall, that its next score is drawn from N(m, 1) instead
of N(0, 1). While nothing is wrong a bet's expected gain is nothing, so S ← (1 + S)·gain has the
expectation t after t windows, and so has any average of such sums, however the components depend
on one another: by optional stopping the average first reaches a level A no sooner than after A
windows, in expectation (Shin, Ramdas and Rinaldo 2023). The promise is as good as the scores:
they rest on estimated variances.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detectors.artifact import Artifact, ArtifactError, pack, unpack
from detectors.columns import Floats

BETS = np.array([0.75, 1.5, 3.0])
"""Shifts that are bet on, in standard deviations of a window: each twice the one before."""

TELLING = 7.0
"""Standard errors of what is expected that a shift must be worth to be bet on. Where the mean errs
by more than half of the shift a bet on it wins for ever: by 3.5 errors, one component in two
thousand."""

MEMORY = 0.25
"""Weight of the newest window in the averages of scores: what goes on for four to eight of them
shows there in many columns before it shows in any."""

HIGHEST_TREND = 4.0
"""In standard deviations: an average that a great drift leaves comes down within three windows."""

_ARRAYS = ("sums", "trend", "mean", "mean_variance")
_SINCE = ("squares", "n_scored")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """What a detector remembers between windows. Immutable; `Detector.step` makes the next.

    sums: (2, bets, components) Shiryaev-Roberts sums for a rise and for a fall.
    trend: (components,) exponentially weighted averages of signed scores.
    mean, mean_variance: (components,) what to expect of the next window, learned from the
        reference and from every quiet window since.
    squares, n_scored: (components,) sum of the squared scores of the quiet windows since, and how
        many they are.
    n_windows: windows that the sums have seen.
    drifting: the last decided window drifted.
    """

    reference_id: str
    sums: Floats
    trend: Floats
    mean: Floats
    mean_variance: Floats
    squares: Floats
    n_scored: Floats
    n_windows: int = 0
    drifting: bool = False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Evidence) and self.to_bytes() == other.to_bytes()

    def scaled(self, factor: float) -> "Evidence":
        """With so many times the sums."""
        return replace(self, sums=self.sums * factor)

    def forgotten(self) -> "Evidence":
        """What to expect, and nothing else."""
        none = no_evidence(self.reference_id, self.mean, self.mean_variance)
        return replace(none, squares=self.squares, n_scored=self.n_scored)

    __hash__ = None  # type: ignore[assignment]  # arrays cannot be hashed, so neither can it

    def to_bytes(self) -> bytes:
        meta = {
            "reference": self.reference_id,
            "n_windows": self.n_windows,
            "drifting": self.drifting,
            "bets": BETS.tolist(),
        }
        arrays = {name: getattr(self, name) for name in (*_ARRAYS, *_SINCE)}
        return pack("evidence", Artifact(meta, arrays))

    @staticmethod
    def from_bytes(content: bytes) -> "Evidence":
        """Raises ArtifactError where the bytes are not sound evidence. Sums of an earlier version's
        bets are forgotten; what to expect is not."""
        artifact = unpack("evidence", content)
        arrays = _sound_arrays(artifact)
        try:
            evidence = Evidence(
                reference_id=str(artifact.meta["reference"]),
                **arrays,
                n_windows=int(artifact.meta["n_windows"]),
                drifting=bool(artifact.meta["drifting"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ArtifactError(f"evidence without a sound {error}") from error
        alike = artifact.meta.get("bets") == BETS.tolist()
        return evidence if alike else evidence.forgotten()


def _sound_arrays(artifact: Artifact) -> dict[str, Floats]:
    missing = [name for name in _ARRAYS if name not in artifact.arrays]
    if missing:
        raise ArtifactError(f"evidence without {', '.join(missing)}")
    arrays = {name: np.array(artifact.arrays[name], dtype=np.float64) for name in _ARRAYS}
    n = arrays["trend"].size
    for name in _SINCE:  # an earlier version had none
        arrays[name] = np.array(artifact.arrays.get(name, np.zeros(n)), dtype=np.float64)
    n_bets = arrays["sums"].size // max(2 * n, 1)
    expected = {name: (2, n_bets, n) if name == "sums" else (n,) for name in arrays}
    if {name: array.shape for name, array in arrays.items()} != expected:
        raise ArtifactError("evidence whose arrays disagree about the number of components")
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise ArtifactError("evidence that is not finite")
    return arrays


def start_sums(n_components: int) -> Floats:
    return np.zeros((2, BETS.size, n_components))


def no_evidence(reference_id: str, mean: Floats, mean_variance: Floats) -> Evidence:
    return Evidence(
        reference_id=reference_id,
        sums=start_sums(mean.size),
        trend=np.zeros(mean.size),
        mean=mean,
        mean_variance=mean_variance,
        squares=np.zeros(mean.size),
        n_scored=np.zeros(mean.size),
    )


def spread(squares: Floats, n_scored: Floats, n_windows: float | Floats) -> Floats:
    """(components,) standard deviation of scores that have varied more than the reference let
    expect, 1 of others. They are a sample of `n_scored`, and its word is worth `n_windows`.

    Variances that were learned too small would win a little in every window. What exceeds them by
    less than a standard error is left to chance.
    """
    more = (squares - n_scored - np.sqrt(2 * n_scored)) / (n_windows + n_scored)
    found: Floats = np.sqrt(1 + np.maximum(more, 0.0))
    return found


def taught(evidence: Evidence, scores: Floats, trusted: NDArray[np.bool_]) -> Evidence:
    """After a quiet window: (components,) how far its scores lay from their trend, not divided by
    their spread, and which of them to believe."""
    heeded = trusted & ~np.isnan(scores)
    squares = evidence.squares + np.where(heeded, scores, 0.0) ** 2
    return replace(evidence, squares=squares, n_scored=evidence.n_scored + heeded)


def grown(evidence: Evidence, bets: Floats, scores: Floats, n_known: Floats) -> Evidence:
    """With one more window: (2, components) one-sided scores that are bet on, and (components,)
    signed ones. A component without any keeps what it had. n_known: as of `stakes`."""
    newest = np.where(np.isnan(scores), evidence.trend, scores)
    highest = HIGHEST_TREND * np.sqrt(MEMORY / (2 - MEMORY))
    trend = evidence.trend + MEMORY * (newest - evidence.trend)
    return replace(
        evidence,
        sums=accumulate(evidence.sums, gains(bets), stakes(n_known)),
        trend=np.clip(trend, -highest, highest),
        n_windows=evidence.n_windows + 1,
    )


def trend_scores(evidence: Evidence) -> Floats:
    """(components,) at most standard normal under the null, as the windows' scores are."""
    scores: Floats = evidence.trend / np.sqrt(_trend_variance(max(evidence.n_windows, 1)))
    return scores


def from_trend(evidence: Evidence, scores: Floats) -> Floats:
    """(components,) how far the next window's signed scores lie from their trend, in standard
    deviations: where something has moved it does not look as if it varied."""
    sd = np.sqrt(1 + _trend_variance(evidence.n_windows))
    deviations: Floats = (scores - evidence.trend) / sd
    return deviations


def _trend_variance(n_windows: int) -> float:
    return MEMORY / (2 - MEMORY) * (1 - (1 - MEMORY) ** (2 * n_windows))


def gains(scores: Floats) -> Floats:
    """Likelihood ratios of N(m, 1) to N(0, 1): an e-value for every bet on every score.

    scores: (..., components), at most standard normal under the null. Returns
    (..., bets, components); NaN scores give NaN.
    """
    m = BETS[:, np.newaxis]
    ratios: Floats = np.exp(m * scores[..., np.newaxis, :] - m**2 / 2)
    return ratios


def stakes(n_known: Floats) -> Floats:
    """(components,) in how many windows' worth the mean is known -> (bets, components) what every
    window puts on each bet, one on average: all on those whose shifts can be told from the mean's
    own error. The others would win wherever a finite reference erred."""
    told = BETS[:, np.newaxis] * np.sqrt(n_known) >= TELLING
    stake: Floats = told * (BETS.size / np.maximum(told.sum(axis=0), 1))
    return stake


def accumulate(sums: Floats, gain: Floats, stake: Floats | float = 1.0) -> Floats:
    """The sums after one more window. A component without a score keeps what it had."""
    return np.where(np.isnan(gain), sums, (stake + sums) * gain)


def by_component(sums_or_gains: Floats) -> Floats:
    """(2, bets, components) -> (components,) average over the bets; NaN counts as 0."""
    average: Floats = np.nan_to_num(sums_or_gains, nan=0.0).mean(axis=(0, 1))
    return average
