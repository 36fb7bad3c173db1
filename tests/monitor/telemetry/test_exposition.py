"""The little HTTP server of roles without one, spoken to over real sockets."""

import http.client
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.parser import text_string_to_metric_families

from monitor.flags import Address
from monitor.telemetry import exposition
from monitor.telemetry.exposition import MAX_CONNECTIONS, Exposition

LOOPBACK = Address("127.0.0.1", 0)


@contextmanager
def running(reason: str | None = None, *, deadline_s: float = 5.0) -> Iterator[Exposition]:
    registry = CollectorRegistry()
    Counter("seen_total", "Seen.", registry=registry).inc(3)
    with exposition.serve(LOOPBACK, registry, lambda: reason, deadline_s=deadline_s) as served:
        yield served


def get(served: Exposition, path: str, accept: str = "") -> tuple[int, str, str]:
    connection = http.client.HTTPConnection(served.address.host, served.address.port, timeout=60)
    try:
        connection.request("GET", path, headers={"Accept": accept})
        answer = connection.getresponse()
        return answer.status, answer.headers.get("Content-Type", ""), answer.read().decode()
    finally:
        connection.close()


def test_the_registry_is_scraped_in_the_text_format() -> None:
    with running() as served:
        status, content_type, body = get(served, "/metrics?x=1")
    samples = {s.name: s.value for f in text_string_to_metric_families(body) for s in f.samples}
    assert (status, content_type.split(";")[0]) == (200, "text/plain")
    assert samples["seen_total"] == 3


def test_openmetrics_is_spoken_to_who_asks_for_it() -> None:
    with running() as served:
        _, content_type, body = get(
            served, "/metrics", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"
        )
    assert content_type.startswith("application/openmetrics-text")
    assert body.endswith("# EOF\n")


def test_health_says_ok_even_when_not_ready() -> None:
    with running(reason="no broker answers") as served:
        assert get(served, "/healthz")[::2] == (200, "ok\n")
        assert get(served, "/readyz")[::2] == (503, "no broker answers\n")


def test_ready_says_ok() -> None:
    with running() as served:
        assert get(served, "/readyz")[::2] == (200, "ok\n")


def test_another_path_is_not_found() -> None:
    with running() as served:
        assert get(served, "/etc/passwd")[0] == 404


def test_an_address_in_use_is_named() -> None:
    with running() as served, pytest.raises(OSError, match=f"cannot listen on {served.address}"):
        exposition.serve(served.address, CollectorRegistry(), lambda: None)


def test_closing_frees_the_port() -> None:
    with running() as served:
        address = served.address
    with exposition.serve(address, CollectorRegistry(), lambda: None) as again:
        assert again.address == address


def test_a_slow_client_is_cut_off_at_the_deadline() -> None:
    with running(deadline_s=0.3) as served, socket.create_connection(_pair(served), 5) as slow:
        slow.sendall(b"GET /metr")
        assert slow.recv(100) == b""


def test_more_connections_than_the_limit_are_refused_and_later_ones_served() -> None:
    with running() as served:
        held = [socket.create_connection(_pair(served), 5) for _ in range(MAX_CONNECTIONS)]
        with socket.create_connection(_pair(served), 5) as one_too_many:
            assert one_too_many.recv(100).startswith(b"HTTP/1.0 503 ")
        for connection in held:
            connection.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            assert connection.makefile("rb").read().endswith(b"ok\n")
            connection.close()
        assert get(served, "/healthz")[0] == 200


def test_a_collector_that_raises_breaks_its_scrape_and_nothing_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Broken:
        def collect(self) -> Iterator[object]:
            raise RuntimeError("the database is away")

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Broken())  # type: ignore[arg-type]  # a collector by its shape
    with exposition.serve(LOOPBACK, registry, lambda: None) as served:
        with pytest.raises(http.client.RemoteDisconnected):
            get(served, "/metrics")
        assert get(served, "/healthz")[0] == 200
    assert "the database is away" in caplog.text


def _pair(served: Exposition) -> tuple[str, int]:
    return served.address.host, served.address.port
