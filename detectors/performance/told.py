"""What a report tells of a model: by its labels, without them, and of groups."""

from collections.abc import Mapping
from dataclasses import replace

from detectors.labels import Task
from detectors.performance.cbpe import estimated_metrics
from detectors.performance.delays import delays
from detectors.performance.fairness import groups
from detectors.performance.intervals import Estimate
from detectors.performance.metrics import main_metric, metrics
from detectors.profile import Profile, mean
from detectors.reference import EXPECTED_ERROR, Reference
from detectors.report import GroupReport, Performance
from detectors.target import Target


def realised(
    profile: Profile, reference: Reference, *, n_predictions: int | None = None
) -> Performance | None:
    """From the labels in `profile`; None without labels.

    n_predictions: to which the labels may belong, the profile's own rows unless given.
    """
    target, n_labelled = reference.target, profile.n_labelled
    if target is None or n_labelled == 0:
        return None
    n = profile.n if n_predictions is None else n_predictions
    told = _performance(
        target,
        metrics(profile.outcomes, target),
        metrics(reference.profile.outcomes, target),
        n=n_labelled,
        coverage=n_labelled / n if n else None,
    )
    return replace(told, delays_s=delays(profile.delays))


def expected(profile: Profile, reference: Reference) -> Performance | None:
    """From the rows alone; None without rows, or where the reference had too few labels.

    Of a classification with probabilities by CBPE, and of whatever else by the mean error that
    the rows let expect.
    """
    target = reference.target
    if target is None or profile.n == 0:
        return None
    now, before = (_estimated(one, reference, target) for one in (profile, reference.profile))
    if not any(one.is_known for one in now.values()):
        return None
    return _performance(target, now, before, n=profile.n)


def fairness(profile: Profile, reference: Reference) -> tuple[GroupReport, ...]:
    """Every group that has rows; empty where no groups are compared."""
    target = reference.target
    if target is None or not target.groups:
        return ()
    before = [values for _, _, values in groups(reference.profile.outcomes, target)]
    n = target.part(profile.outcomes, "groups").sum(axis=1).tolist()
    n_labels = target.part(profile.outcomes, "group_outcomes")[..., 1].sum(axis=1).tolist()
    here = zip(groups(profile.outcomes, target), before, n, n_labels, strict=True)
    return tuple(
        GroupReport(
            column=column,
            group=group,
            n=n_rows,
            n_positive_labels=n_positive,
            values=_values(measures),
            reference=_values(known),
            intervals=_intervals(measures),
            undefined=_undefined(measures),
        )
        for (column, group, measures), known, n_rows, n_positive in here
        if n_rows > 0
    )


def _estimated(profile: Profile, reference: Reference, target: Target) -> dict[str, Estimate]:
    """Accuracy by the expected error, unless the probabilities are those of every class."""
    found = dict(estimated_metrics(reference.profile.outcomes, profile.outcomes, target))
    accuracy = found.get("accuracy")
    if (accuracy is None or not accuracy.is_known) and reference.has(EXPECTED_ERROR):
        error = mean(profile, reference, EXPECTED_ERROR)
        if error is not None:
            value = error if target.task is Task.REGRESSION else 1.0 - error
            found[main_metric(target.task)] = Estimate(value)
    return found


def _performance(
    target: Target,
    now: Mapping[str, Estimate],
    before: Mapping[str, Estimate],
    *,
    n: int,
    coverage: float | None = None,
) -> Performance:
    name = main_metric(target.task)
    others = {other: one for other, one in now.items() if other != name}
    main = now.get(name)
    return Performance(
        metric=name,
        value=_values({name: main}).get(name) if main else None,
        reference=_values(before).get(name),
        n=n,
        others=_values(others),
        coverage=coverage,
        interval=main.interval if main else None,
        intervals=_intervals(others),
        undefined=_undefined(now),
    )


def _values(estimates: Mapping[str, Estimate]) -> dict[str, float]:
    return {name: one.value for name, one in estimates.items() if one.is_known}


def _intervals(estimates: Mapping[str, Estimate]) -> dict[str, tuple[float, float]]:
    found = {name: one.interval for name, one in estimates.items()}
    return {name: interval for name, interval in found.items() if interval is not None}


def _undefined(estimates: Mapping[str, Estimate]) -> dict[str, str]:
    return {
        name: one.reason or "not a finite number"
        for name, one in estimates.items()
        if not one.is_known
    }
