"""How models served the requests that the proxy saw, counted exchange by exchange."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from detectors.served import slot_of
from monitor.decoders import Exchange
from monitor.kafka.messages import Registration
from monitor.kafka.served import Served, to_header


@dataclass(slots=True)
class _Pane:
    latest: float
    slots: Counter[int] = field(default_factory=Counter)


class Serving:
    """The requests of one batch of exchanges, by monitor and pane: those that failed too, and those
    whose rows cannot be read, are left out of the sample or are beyond a quota."""

    def __init__(self) -> None:
        self._monitors: dict[str, tuple[float, dict[float, _Pane]]] = {}

    def count(self, registration: Registration, exchange: Exchange, *, time: float) -> None:
        """time: when it was, in seconds since 1970."""
        known = self._monitors.get(registration.name)
        if known is None:
            known = self._monitors[registration.name] = registration.monitor.pane_s, {}
        pane_s, panes = known
        start = time // pane_s
        pane = panes.get(start)
        if pane is None:
            pane = panes[start] = _Pane(time)
        pane.latest = max(pane.latest, time)
        pane.slots[slot_of(exchange.status, exchange.latency_s)] += 1

    def headers(self) -> Mapping[str, bytes]:
        """By monitor, what a message tells of them."""
        return {
            name: to_header(Served(pane.latest, pane.slots) for pane in panes.values())
            for name, (_, panes) in self._monitors.items()
        }
