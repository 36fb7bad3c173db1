"""What somebody may send to the address where rows are pushed."""

import socket
from collections.abc import Iterator

import orjson
import pytest

from monitor.batches import MAX_BYTES
from monitor.kafka import embedded
from monitor.kafka.connecting import Broker
from monitor.kafka.messages import Topics
from monitor.up.supervisor import Supervisor
from tests.support.bombs import packed_spaces
from tests.support.http_model import read_message
from tests.support.registrations import announce, registration
from tests.support.running_collector import RunningCollector, request, start
from tests.support.waiting import wait_for

HOST = b"Host: m\r\n"


@pytest.fixture(scope="module")
def collector(
    embedded_address: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningCollector]:
    folder = tmp_path_factory.mktemp("collector")
    broker = Broker(servers=(embedded_address,), topics=Topics(embedded.fresh_prefix()))
    broker.create_topics()
    announce(broker, registration(label="truth"))
    with Supervisor(folder) as supervisor:
        running = start(supervisor, broker, folder / "spool")
        wait_for(lambda: running.push("labels", [])[0] == 202)
        yield running


def connect(collector: RunningCollector, timeout_s: float = 60.0) -> socket.socket:
    return socket.create_connection(("127.0.0.1", collector.ingest), timeout_s)


def post(*headers: bytes, body: bytes = b"") -> bytes:
    lines = b"".join(header + b"\r\n" for header in headers)
    return b"POST /v1/labels HTTP/1.1\r\n" + HOST + lines + b"\r\n" + body


def pushed(value: bytes) -> bytes:
    return b'{"monitor": "seats", "rows": [{"id": "a", "label": %b}]}' % value


# HTTP

RAW: dict[str, tuple[bytes, int]] = {
    "length and chunks": (post(b"Content-Length: 5", b"Transfer-Encoding: chunked"), 400),
    "two lengths": (post(b"Content-Length: 1", b"Content-Length: 2", body=b"ab"), 400),
    "bare LF": (b"POST /v1/labels HTTP/1.1\nHost: m\n\n", 400),
    "folded header": (post(b"X: a\r\n b", b"Content-Length: 0"), 400),
    "NUL in a header": (post(b"X: a\0b"), 400),
    "binary": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 3, 400),
    "TRACE": (b"TRACE /v1/labels HTTP/1.1\r\n" + HOST + b"\r\n", 405),
    "many headers": (post(*(b"X-%d: 1" % i for i in range(200)), b"Content-Length: 0"), 431),
    "endless header": (b"POST /v1/labels HTTP/1.1\r\nX: " + b"y" * 400_000, 431),
    "chunk size with a sign": (post(b"Transfer-Encoding: chunked", body=b"+1\r\na\r\n"), 400),
}


@pytest.mark.parametrize(("raw", "status"), RAW.values(), ids=RAW)
def test_a_request_that_is_none_is_refused(
    collector: RunningCollector, raw: bytes, status: int
) -> None:
    with connect(collector) as connection:
        connection.sendall(raw)
        assert read_message(connection).startswith(b"HTTP/1.1 %d " % status)
    assert request(collector.ingest, "GET", "/healthz")[0] == 200


def is_cut_off(connection: socket.socket, piece: bytes, n: int) -> bool:
    """Whether the other side stops taking a piece again and again."""
    try:
        for _ in range(n):
            connection.sendall(piece)
    except ConnectionError:
        return True
    return read_message(connection).startswith(b"HTTP/1.1 413 ")


def test_a_body_without_an_end_is_cut_off_at_the_limit(collector: RunningCollector) -> None:
    with connect(collector) as connection:
        connection.sendall(post(b"Transfer-Encoding: chunked"))
        chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
        assert is_cut_off(connection, chunk, 2 * MAX_BYTES // 65536)


# JSON

ACCEPTED = {
    "large integer": b"9007199254740993",
    "escaped surrogates": rb'"\ud83d\ude00"',
    "NUL in a text": rb'"a\u0000b"',
    "long text": b'"' + b"x" * 100_000 + b'"',
    "zero, negative": b"-0.0",
}
REFUSED = {
    "depth": b"[" * 100_000,
    "depth of objects": b'{"a":' * 100_000,
    "NaN": b"NaN",
    "infinity": b"Infinity",
    "beyond a double": b"1e999",
    "half a surrogate": rb'"\ud800"',
    "UTF-8 that is none": b'"\xff\xfe"',
    "overlong UTF-8": b'"\xc0\xaf"',
    "surrogate in UTF-8": b'"\xed\xa0\x80"',
    "control character": b'"a\x01b"',
    "single quotes": b"'a'",
    "comment": b"1 /* one */",
    "leading zero": b"01",
    "hexadecimal": b"0x1",
    "trailing comma": b"1,",
    "cut off": b'"a',
}


@pytest.mark.parametrize("value", ACCEPTED.values(), ids=ACCEPTED)
def test_odd_json_is_stored(collector: RunningCollector, value: bytes) -> None:
    status, answer = request(collector.ingest, "POST", "/v1/labels", pushed(value))
    assert (status, orjson.loads(answer)["accepted"]) == (202, 1)


@pytest.mark.parametrize("value", REFUSED.values(), ids=REFUSED)
def test_json_that_is_none_is_refused_with_a_reason(
    collector: RunningCollector, value: bytes
) -> None:
    status, answer = request(collector.ingest, "POST", "/v1/labels", pushed(value))
    assert (status, bool(orjson.loads(answer)["error"])) == (400, True)


@pytest.mark.parametrize("value", [b"[1]", b"{}", b"null", b"9" * 5_000, b"9" * 400])
def test_a_value_that_is_no_label_is_answered_row_by_row(
    collector: RunningCollector, value: bytes
) -> None:
    status, answer = request(collector.ingest, "POST", "/v1/labels", pushed(value))
    verdict = orjson.loads(answer)
    assert status == 400 or (status, verdict["accepted"], len(verdict["rejected"])) == (202, 0, 1)


def test_of_a_key_that_comes_twice_the_last_counts(collector: RunningCollector) -> None:
    body = b'{"monitor": "nobody", "monitor": "seats", "rows": []}'
    assert request(collector.ingest, "POST", "/v1/labels", body)[0] == 202


def test_many_keys_and_many_rows_are_answered(collector: RunningCollector) -> None:
    keys = b",".join(b'"k%d": 1' % i for i in range(100_000))
    body = b'{"monitor": "seats", "rows": [{"id": "a", "label": 1, %b}]}' % keys
    assert request(collector.ingest, "POST", "/v1/labels", body)[0] in (202, 400)
    rows = b",".join([b"{}"] * 200_000)
    body = b'{"monitor": "seats", "rows": [%b]}' % rows
    assert request(collector.ingest, "POST", "/v1/labels", body)[0] in (202, 400)


def test_a_compressed_body_is_not_unpacked(collector: RunningCollector) -> None:
    bomb, headers = packed_spaces(200), {"Content-Encoding": "gzip"}
    assert request(collector.ingest, "POST", "/v1/labels", bomb, headers)[0] == 400


# events

EVENT = {
    "ce-specversion": "1.0",
    "ce-id": "cut",
    "ce-source": "http://localhost:9081/",
    "ce-inferenceservicename": "seats",
    "Content-Type": "application/json",
}
SIDES = {
    "request": b'{"instances": [[1.5, "x"]]}',
    "response": b'{"predictions": [7]}',
}


def test_an_event_whose_sender_leaves_in_the_middle_of_it_is_none(
    collector: RunningCollector,
) -> None:
    def headers(side: str) -> dict[str, str]:
        return {**EVENT, "ce-type": f"org.kubeflow.serving.inference.{side}"}

    with connect(collector) as connection:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers("request").items())
        head = f"POST /v1/events HTTP/1.1\r\nHost: m\r\nContent-Length: 27\r\n{lines}\r\n"
        connection.sendall(head.encode() + SIDES["request"][:10])
    for side, body in reversed(SIDES.items()):
        assert request(collector.ingest, "POST", "/v1/events", body, headers(side))[0] == 200
    wait_for(lambda: collector.count("captured_total") == 1)
    wait_for(lambda: collector.count("recorded_total") == 1)
    assert collector.count('failed_total{reason="not JSON"}') == 0
