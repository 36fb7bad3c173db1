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

from detectors.artifact import Artifact, ArtifactError, pack, unpack
from detectors.columns import Floats

BETS = np.array([1.75, 3.0])
"""Shifts that are bet on, in standard deviations of a window: a small and a large one."""

MEMORY = 0.25
"""Weight of the newest window in the averages of scores: what goes on for four to eight of them
shows there in many columns before it shows in any."""

HIGHEST_TREND = 4.0
"""In standard deviations: an average that a great drift leaves comes down within three windows."""

_ARRAYS = ("sums", "trend", "mean", "mean_variance")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """What a detector remembers between windows. Immutable; `Detector.step` makes the next.

    sums: (2, bets, components) Shiryaev-Roberts sums for a rise and for a fall.
    trend: (components,) exponentially weighted averages of signed scores.
    mean, mean_variance: (components,) what to expect of the next window, learned from the
        reference and from every quiet window since.
    n_windows: windows that the sums have seen.
    drifting: the last decided window drifted.
    """

    reference_id: str
    sums: Floats
    trend: Floats
    mean: Floats
    mean_variance: Floats
    n_windows: int = 0
    drifting: bool = False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Evidence) and self.to_bytes() == other.to_bytes()

    def scaled(self, factor: float) -> "Evidence":
        """With so many times the sums."""
        return replace(self, sums=self.sums * factor)

    def forgotten(self) -> "Evidence":
        """What to expect, and nothing else."""
        return no_evidence(self.reference_id, self.mean, self.mean_variance)

    __hash__ = None  # type: ignore[assignment]  # arrays cannot be hashed, so neither can it

    def to_bytes(self) -> bytes:
        meta = {
            "reference": self.reference_id,
            "n_windows": self.n_windows,
            "drifting": self.drifting,
        }
        return pack("evidence", Artifact(meta, {name: getattr(self, name) for name in _ARRAYS}))

    @staticmethod
    def from_bytes(content: bytes) -> "Evidence":
        """Raises ArtifactError where the bytes are not sound evidence."""
        artifact = unpack("evidence", content)
        sums, trend, mean, mean_variance = _sound_arrays(artifact)
        try:
            return Evidence(
                reference_id=str(artifact.meta["reference"]),
                sums=sums,
                trend=trend,
                mean=mean,
                mean_variance=mean_variance,
                n_windows=int(artifact.meta["n_windows"]),
                drifting=bool(artifact.meta["drifting"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ArtifactError(f"evidence without a sound {error}") from error


def _sound_arrays(artifact: Artifact) -> list[Floats]:
    missing = [name for name in _ARRAYS if name not in artifact.arrays]
    if missing:
        raise ArtifactError(f"evidence without {', '.join(missing)}")
    arrays = [np.array(artifact.arrays[name], dtype=np.float64) for name in _ARRAYS]
    n = arrays[1].size
    if [array.shape for array in arrays] != [(2, BETS.size, n), (n,), (n,), (n,)]:
        raise ArtifactError("evidence whose arrays disagree about the number of components")
    if not all(np.isfinite(array).all() for array in arrays):
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
    )


def grown(evidence: Evidence, bets: Floats, scores: Floats) -> Evidence:
    """With one more window: (2, components) one-sided scores that are bet on, and (components,)
    signed ones. A component without any keeps what it had."""
    newest = np.where(np.isnan(scores), evidence.trend, scores)
    highest = HIGHEST_TREND * np.sqrt(MEMORY / (2 - MEMORY))
    trend = evidence.trend + MEMORY * (newest - evidence.trend)
    return replace(
        evidence,
        sums=accumulate(evidence.sums, gains(bets)),
        trend=np.clip(trend, -highest, highest),
        n_windows=evidence.n_windows + 1,
    )


def trend_scores(evidence: Evidence) -> Floats:
    """(components,) at most standard normal under the null, as the windows' scores are."""
    forgotten = 1 - (1 - MEMORY) ** (2 * max(evidence.n_windows, 1))
    scores: Floats = evidence.trend / np.sqrt(MEMORY / (2 - MEMORY) * forgotten)
    return scores


def gains(scores: Floats) -> Floats:
    """Likelihood ratios of N(m, 1) to N(0, 1): an e-value for every bet on every score.

    scores: (..., components), at most standard normal under the null. Returns
    (..., bets, components); NaN scores give NaN.
    """
    m = BETS[:, np.newaxis]
    ratios: Floats = np.exp(m * scores[..., np.newaxis, :] - m**2 / 2)
    return ratios


def accumulate(sums: Floats, gain: Floats) -> Floats:
    """The sums after one more window. A component without a score keeps what it had."""
    return np.where(np.isnan(gain), sums, (1 + sums) * gain)


def by_component(sums_or_gains: Floats) -> Floats:
    """(2, bets, components) -> (components,) average over the bets; NaN counts as 0."""
    average: Floats = np.nan_to_num(sums_or_gains, nan=0.0).mean(axis=(0, 1))
    return average
