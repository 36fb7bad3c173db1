"""Clients of a model that ask as fast as they are answered, and remember what they got."""

import http.client
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

from tests.support.running_collector import PREDICT, ROW

ANSWER = b'{"predictions":[7]}'
BAD = b'{"instances": ['
"""What every tenth request has for a body: it is answered all the same."""


@dataclass
class Clients:
    """ports: of proxies; where one has closed the connection, the next one is tried once.

    failures: answers that were not the model's, and requests that nobody answered.
    """

    ports: Sequence[int]
    n: int = 4
    body: bytes = ROW
    answered: set[str] = field(default_factory=set)
    failures: list[object] = field(default_factory=list)
    _numbers: "count[int]" = field(default_factory=count)
    _ended: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Until the block ends; then every request has been answered."""
        threads = [threading.Thread(target=self._run) for _ in range(self.n)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._ended.set()
            for thread in threads:
                thread.join()

    def readable(self) -> set[str]:
        """The ids of the requests that can be read as predictions."""
        return {i for i in self.answered if int(i) % 10}

    def _run(self) -> None:
        connection = self._connect(0)
        turn = 0
        while not self._ended.is_set():
            n = next(self._numbers)
            try:
                self._ask(connection, n)
            except (OSError, http.client.HTTPException) as error:
                turn += 1
                connection.close()
                connection = self._connect(turn)
                self._ask_again(connection, n, error)
        connection.close()

    def _connect(self, turn: int) -> http.client.HTTPConnection:
        port = self.ports[turn % len(self.ports)]
        return http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def _ask_again(self, connection: http.client.HTTPConnection, n: int, before: Exception) -> None:
        if len(self.ports) == 1:
            self.failures.append(before)
            return
        try:
            self._ask(connection, n)
        except (OSError, http.client.HTTPException) as error:
            self.failures.append(error)

    def _ask(self, connection: http.client.HTTPConnection, n: int) -> None:
        body = BAD if n % 10 == 0 else self.body
        connection.request("POST", PREDICT, body, {"X-Request-Id": str(n)})
        answer = connection.getresponse()
        if (answer.read(), answer.status) != (ANSWER, 200):
            self.failures.append(answer.status)
        self.answered.add(str(n))
