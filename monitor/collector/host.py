"""The seam between a client's connection and the proxy that it belongs to."""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from monitor.collector.deadlines import Deadlines
    from monitor.collector.downstream import Downstream
    from monitor.collector.heads import Refusal
    from monitor.collector.known_heads import KnownHeads
    from monitor.collector.relay import Relay
    from monitor.collector.request_heads import RequestHead


class Host(Protocol):
    """What a connection needs of the proxy that it belongs to."""

    deadlines: "Deadlines"
    is_draining: bool
    known: "KnownHeads[RequestHead]"

    def relay(self, client: "Downstream", head: "RequestHead") -> "Relay": ...

    def opened(self, connection: "Downstream") -> bool: ...

    def closed(self, connection: "Downstream") -> None: ...

    def refused(self, refusal: "Refusal") -> None: ...
