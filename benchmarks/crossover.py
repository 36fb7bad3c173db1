"""Work measured on one core and on a device, and from how much on the device is the quicker."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One piece of work: seconds on one core and on the device, and what moved."""

    task: str
    n_values: int
    core_s: float
    device_s: float
    moved_mb: float
    least_traffic_mb: float
    copy_gb_per_s: float

    @property
    def share_of_bandwidth(self) -> float:
        return self.least_traffic_mb / 1e3 / self.device_s / self.copy_gb_per_s


def crossover(found: Sequence[Line]) -> int | None:
    """The fewest values from which on the device was the quicker; None where it was not with the
    most."""
    slower = [line.n_values for line in found if line.device_s >= line.core_s]
    quicker = [line.n_values for line in found if line.n_values > max(slower, default=0)]
    return min(quicker, default=None)
