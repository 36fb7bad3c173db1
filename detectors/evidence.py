"""Evidence that is carried from window to window: a Shiryaev-Roberts e-detector.

Each component bets, on a rise and on a fall, that its next score is drawn from N(m, 1) instead
of N(0, 1). While nothing is wrong a bet's expected gain is nothing, so S ← (1 + S)·gain has the
expectation t after t windows, and so has any average of such sums, however the components depend
on one another: by optional stopping the average first reaches a level A no sooner than after A
windows, in expectation (Shin, Ramdas and Rinaldo 2023). The promise is as good as the scores:
they rest on estimated variances.
"""

from dataclasses import dataclass

import numpy as np

from detectors.artifact import Artifact, ArtifactError, pack, unpack
from detectors.columns import Floats

BETS = np.array([1.75, 3.0])
"""Shifts that are bet on, in standard deviations of a window: a small and a large one."""

_ARRAYS = ("sums", "mean", "mean_variance")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """What a detector remembers between windows. Immutable; `Detector.step` makes the next.

    sums: (2, bets, components) Shiryaev-Roberts sums for a rise and for a fall.
    mean, mean_variance: (components,) what to expect of the next window, learned from the
        reference and from every quiet window since.
    n_windows: windows that the sums have seen.
    drifting: the last decided window drifted.
    """

    reference_id: str
    sums: Floats
    mean: Floats
    mean_variance: Floats
    n_windows: int = 0
    drifting: bool = False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Evidence) and self.to_bytes() == other.to_bytes()

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
        sums, mean, mean_variance = _sound_arrays(artifact)
        try:
            return Evidence(
                reference_id=str(artifact.meta["reference"]),
                sums=sums,
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
    if [array.shape for array in arrays] != [(2, BETS.size, n), (n,), (n,)]:
        raise ArtifactError("evidence whose arrays disagree about the number of components")
    if not all(np.isfinite(array).all() for array in arrays):
        raise ArtifactError("evidence that is not finite")
    return arrays


def start_sums(n_components: int) -> Floats:
    return np.zeros((2, BETS.size, n_components))


def gains(scores: Floats) -> Floats:
    """Likelihood ratios of N(m, 1) to N(0, 1): an e-value for every bet on every score.

    scores: (2, components), at most standard normal under the null. Returns
    (2, bets, components); NaN scores give NaN.
    """
    m = BETS[:, np.newaxis]
    ratios: Floats = np.exp(m * scores[:, np.newaxis, :] - m**2 / 2)
    return ratios


def accumulate(sums: Floats, gain: Floats) -> Floats:
    """The sums after one more window. A component without a score keeps what it had."""
    return np.where(np.isnan(gain), sums, (1 + sums) * gain)


def by_component(sums_or_gains: Floats) -> Floats:
    """(2, bets, components) -> (components,) average over the bets; NaN counts as 0."""
    average: Floats = np.nan_to_num(sums_or_gains, nan=0.0).mean(axis=(0, 1))
    return average
