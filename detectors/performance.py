"""How good the model was, by its labels, and how good it is expected to be without them."""

import math

from detectors.labels import RESOLUTION, LabelSums, Task
from detectors.profile import Profile, mean
from detectors.reference import EXPECTED_ERROR, Reference
from detectors.report import Performance


def realised(
    profile: Profile, reference: Reference, *, n_predictions: int | None = None
) -> Performance | None:
    """From the labels in `profile`; None without labels.

    n_predictions: to which the labels may belong, the profile's own rows unless given.
    """
    if reference.task is None or profile.labels.n_labelled == 0:
        return None
    n = profile.n if n_predictions is None else n_predictions
    metrics = _metrics(profile.labels, reference)
    before = _metrics(reference.profile.labels, reference)
    name = _metric_name(reference)
    return Performance(
        metric=name,
        value=metrics.pop(name),
        reference=before.get(name),
        n=profile.labels.n_labelled,
        others=metrics,
        coverage=profile.labels.n_labelled / n if n else None,
    )


def expected(profile: Profile, reference: Reference) -> Performance | None:
    """From the rows alone; None without rows, or where the reference had too few labels."""
    if profile.n == 0 or not reference.has(EXPECTED_ERROR):
        return None
    return Performance(
        metric=_metric_name(reference),
        value=_expected_metric(profile, reference),
        reference=_expected_metric(reference.profile, reference),
        n=profile.n,
        others={},
    )


def _metric_name(reference: Reference) -> str:
    return "mae" if reference.task is Task.REGRESSION else "accuracy"


def _metrics(sums: LabelSums, reference: Reference) -> dict[str, float]:
    """Every metric by name; empty without labels."""
    n = sums.n_labelled
    if n == 0:
        return {}
    if reference.task is Task.CLASSIFICATION:
        return {"accuracy": sums.n_correct / n}
    unit = reference.error_unit / RESOLUTION
    return {
        "mae": unit * (sums.absolute / n),
        "rmse": unit * math.sqrt(sums.squared / n),
        "bias": unit * (sums.signed / n),
    }


def _expected_metric(profile: Profile, reference: Reference) -> float | None:
    error = mean(profile, reference, EXPECTED_ERROR)
    if error is None or reference.task is Task.REGRESSION:
        return error
    return 1.0 - error
