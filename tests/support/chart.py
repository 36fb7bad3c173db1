"""The chart as Helm renders it: the only place that knows Helm's library."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import helm_python as helm
import yaml

CHART = Path(__file__).parents[2] / "k8s" / "driftmeter"

Manifest = dict[str, Any]


class RenderError(Exception):
    """Helm refused the values; the message is Helm's."""


def render(
    values: Mapping[str, Any],
    *,
    release: str = "driftmeter",
    namespace: str = "ml",
    chart: Path = CHART,
) -> list[Manifest]:
    """All manifests of a release, hooks included. Raises RenderError."""
    try:
        files = helm.Chart.load(str(chart)).render(dict(values), name=release, namespace=namespace)
    except helm.HelmError as error:
        raise RenderError(str(error)) from error
    texts = (text for name, text in files.items() if not name.endswith("NOTES.txt"))
    return [found for text in texts for found in yaml.safe_load_all(text) if found]


def notes(values: Mapping[str, Any]) -> str:
    files = helm.Chart.load(str(CHART)).render(dict(values), name="driftmeter", namespace="ml")
    return str(files["driftmeter/templates/NOTES.txt"])


def values_files() -> dict[str, Mapping[str, Any]]:
    """Every set of values that the chart is tested with, by name; the empty one first."""
    files = [CHART / "values-production.yaml", *sorted((CHART / "ci").glob("*-values.yaml"))]
    return {"defaults": {}, **{f.stem: yaml.safe_load(f.read_text()) for f in files}}
