"""Gauges as lines of text, for who has so many that making each line at each scrape is too slow."""

from collections.abc import Iterable
from hashlib import sha256

from prometheus_client.utils import floatToGoString

from monitor.telemetry.instruments import Metric

Sample = tuple[Metric, tuple[str, ...], float | None]
"""A gauge, the values of its labels, and its own; None of what is not known, which has no line."""

MOST_CHARACTERS = 200
"""Of a label's value: names of columns and versions are their owners'."""

_ESCAPED = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


def head(metric: Metric) -> str:
    """What comes before a gauge's lines: the same in Prometheus's format and in OpenMetrics."""
    return f"# HELP {metric.name} {metric.help}\n# TYPE {metric.name} {metric.kind}\n"


def lines(samples: Iterable[Sample]) -> dict[str, str]:
    """The samples' lines by the names of their metrics.

    https://prometheus.io/docs/instrumenting/exposition_formats/
    """
    made: dict[str, list[str]] = {}
    for metric, values, value in samples:
        if value is not None:
            made.setdefault(metric.name, []).append(_line(metric, values, value))
    return {name: "".join(several) for name, several in made.items()}


def bounded(text: str) -> str:
    """The text, or of one that is too long the beginning and a digest, so that two stay two."""
    if len(text) <= MOST_CHARACTERS:
        return text
    digest = sha256(text.encode()).hexdigest()[:8]
    return f"{text[: MOST_CHARACTERS - 9]}…{digest}"


def _line(metric: Metric, values: tuple[str, ...], value: float) -> str:
    labels = ",".join(
        f'{label}="{bounded(text).translate(_ESCAPED)}"'
        for label, text in zip(metric.labels, values, strict=True)
    )
    told = floatToGoString(value)  # type: ignore[no-untyped-call]  # the client's own
    return f"{metric.name}{{{labels}}} {told}\n"
