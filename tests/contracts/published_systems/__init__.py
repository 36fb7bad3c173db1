"""What systems that retrain publish of their APIs, written down from their documents."""

from collections.abc import Mapping

from tests.contracts.published_systems import on_kubernetes, platforms, schedulers
from tests.contracts.published_systems.description import Operation, Published

__all__ = ["SYSTEMS", "Operation", "Published"]

SYSTEMS: Mapping[str, Published] = {
    **schedulers.SYSTEMS,
    **on_kubernetes.SYSTEMS,
    **platforms.SYSTEMS,
}
