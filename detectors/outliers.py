"""How many of a profile's rows are unlike the reference's."""

from detectors.conformal import n_flagged
from detectors.profile import Profile
from detectors.reference import OUTLIER, Reference
from detectors.report import OutlierReport


def outliers(
    profile: Profile, reference: Reference, *, false_discovery_rate: float = 0.1
) -> OutlierReport:
    """Rows flagged such that at most this share of them, on average, is like the reference's."""
    index = reference.index(OUTLIER)
    column = reference.score_columns[0]
    counts = column.ordered(reference.part(profile.counts, index))
    return OutlierReport(
        n_scored=profile.n,
        n_flagged=n_flagged(counts, column.limits[1], false_discovery_rate=false_discovery_rate),
        false_discovery_rate=false_discovery_rate,
    )
