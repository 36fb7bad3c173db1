"""How long the proxy waits for whom, and what it says when it has waited long enough."""

from dataclasses import dataclass

from monitor.collector.heads import Refusal

HEAD_TIMEOUT = Refusal(408, "the request's head did not arrive in time")
BODY_TIMEOUT = Refusal(408, "the request's body did not arrive in time")
ANSWER_TIMEOUT = Refusal(504, "the model server did not answer in time")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """Seconds after which somebody is given up.

    head: from a request's first byte to the end of its head. body: in so long, a client that may
        send must send `body_bytes`. answer: the model server's silence. write: a client that does
        not read. idle: between two requests. linger: after an error, for the client to read it.
    """

    head: float = 10.0
    body: float = 10.0
    body_bytes: int = 10 * 1024
    answer: float = 300.0
    write: float = 60.0
    idle: float = 75.0
    linger: float = 1.0
