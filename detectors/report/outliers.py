"""How many of a profile's rows are unlike the reference's, and what sets them apart."""

from collections.abc import Mapping

import numpy as np

from detectors.conformal import largest_flagged
from detectors.profile import Profile
from detectors.reference import OUTLIER, Reference
from detectors.report import OutlierReport

N_CAUSES = 5


def outliers(
    profile: Profile, reference: Reference, *, false_discovery_rate: float = 0.1
) -> OutlierReport:
    """Rows flagged such that at most this share of them, on average, is like the reference's."""
    index = reference.index(OUTLIER)
    column = reference.score_columns[0]
    counts, limits = column.ordered(reference.part(profile.counts, index)), column.limits[1]
    largest = largest_flagged(counts, limits, false_discovery_rate=false_discovery_rate)
    return OutlierReport(
        n_scored=profile.n,
        n_flagged=int(counts[limits <= largest].sum()),
        false_discovery_rate=false_discovery_rate,
        causes=_causes(profile, reference, largest),
    )


def _causes(profile: Profile, reference: Reference, largest: float) -> Mapping[str, float]:
    """Shares of the columns in what the flagged rows of the sample score beyond the other rows."""
    if largest <= 0 or len(profile.sample) == 0:
        return {}
    rows = reference.placed(profile.sample.rows(reference.declared))
    flagged = reference.scores(rows)[OUTLIER] <= largest
    if not flagged.any():
        return {}
    terms = reference.outlier.contributions(rows)
    usual = terms[~flagged].mean(axis=0) if not flagged.all() else np.zeros(terms.shape[1])
    excess = np.maximum(terms[flagged].mean(axis=0) - usual, 0.0)
    names = [column.field.name for column in reference.declared]
    strongest = np.argsort(-excess, kind="stable")[:N_CAUSES]
    total = float(excess.sum())
    return {names[i]: float(excess[i]) / total for i in strongest if excess[i] > 0}
