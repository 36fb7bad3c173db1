"""A publisher that keeps what it is given."""

from collections.abc import Sequence

from monitor.kafka.publishing import DeliveryError, Message, Publisher


class Log(Publisher):
    """Keeps what is delivered; refuses the first few times."""

    def __init__(self, n_refusals: int = 0) -> None:
        self.messages: list[Message] = []
        self.n_refusals = n_refusals

    def deliver(self, messages: Sequence[Message], *, timeout_s: float = 0.0) -> None:
        if self.n_refusals:
            self.n_refusals -= 1
            raise DeliveryError("the broker is away")
        self.messages += messages

    def n_partitions(self, topic: str) -> int:
        return 4
