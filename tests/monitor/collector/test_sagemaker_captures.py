from base64 import b64encode
from pathlib import Path
from typing import Any

import orjson
import pytest

from monitor.batches import decode
from monitor.collector.sagemaker_captures import captured
from monitor.decoders import DecodeError
from monitor.decoders.exchange import ORPHANED
from monitor.kafka.connecting import Broker
from monitor.up.supervisor import Supervisor
from tests.support.kafka_topics import read_until
from tests.support.registrations import announce, registration
from tests.support.running_collector import RunningCollector, request, start
from tests.support.waiting import wait_for

NOON = 1_700_000_000.0


def side(mode: str, data: str, encoding: str) -> dict[str, str]:
    return {
        "observedContentType": "text/csv",
        "mode": mode,
        "data": b64encode(data.encode()).decode() if encoding == "BASE64" else data,
        "encoding": encoding,
    }


def line(
    request: str | None = "1,x", response: str | None = "5", *, encoding: str = "CSV", **event: str
) -> bytes:
    """As SageMaker documents it."""
    data = {}
    if request is not None:
        data["endpointInput"] = side("INPUT", request, encoding)
    if response is not None:
        data["endpointOutput"] = side("OUTPUT", response, encoding)
    named = {"eventId": "e1", "inferenceTime": "2023-11-14T22:13:20Z", **event}
    return orjson.dumps({"captureData": data, "eventMetadata": named, "eventVersion": "0"})


@pytest.mark.parametrize("encoding", ["CSV", "JSON", "BASE64"])
def test_a_line_is_an_exchange(encoding: str) -> None:
    exchange = captured(line(encoding=encoding), "free seats", now=0.0)
    assert exchange.path == "/endpoints/free%20seats/invocations"
    assert (exchange.request_id, exchange.arrived_at, exchange.status) == ("e1", NOON, 200)
    assert (exchange.request, exchange.response) == ([b"1,x"], [b"5"])


def test_the_caller_s_id_goes_before_sagemaker_s() -> None:
    assert captured(line(inferenceId="mine"), "m", now=0.0).request_id == "mine"


def test_a_line_without_a_time_happened_now() -> None:
    assert captured(line(inferenceTime="?"), "m", now=7.0).arrived_at == 7.0


@pytest.mark.parametrize("half", [line(request=None), line(response=None)], ids=["out", "in"])
def test_input_or_output_alone_is_half_an_exchange(half: bytes) -> None:
    assert captured(half, "m", now=0.0).status == ORPHANED


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"[]",
        b"{}",
        b'{"captureData": {}, "eventMetadata": {}}',
        b'{"captureData": {"endpointInput": 1}, "eventMetadata": {"eventId": "e"}}',
        line().replace(b"1,x", b"??").replace(b'"CSV"', b'"BASE64"'),
    ],
    ids=range(6),
)
def test_what_is_no_line_has_a_reason(raw: bytes) -> None:
    with pytest.raises(DecodeError):
        captured(raw, "m", now=0.0)


def post(collector: RunningCollector, model: str, *lines: bytes) -> tuple[int, Any]:
    path = f"/v1/sagemaker-captures?model={model}"
    status, answer = request(collector.ingest, "POST", path, b"\n".join(lines))
    return status, orjson.loads(answer)


def test_captured_lines_reach_kafka(
    embedded_broker: Broker, supervisor: Supervisor, tmp_path: Path
) -> None:
    announce(embedded_broker, registration())
    collector = start(supervisor, embedded_broker, tmp_path / "spool")
    wait_for(lambda: post(collector, "seats")[0] == 202)
    lines = [line(encoding="BASE64"), b"{", line("1", "5"), line(response=None)]
    status, answer = post(collector, "seats", *lines)
    assert (status, answer["accepted"]) == (202, 1)
    assert answer["failed"] == {"wrong shape": 1, "orphaned": 1}
    assert [verdict["line"] for verdict in answer["rejected"]] == [2]
    topic = embedded_broker.topics.predictions
    (record,) = read_until(embedded_broker, topic, lambda found: len(found) == 1)
    (row,) = decode(record.value).to_pylist()
    assert (row["dm.id"], row["a"], row["b"], row["prediction"]) == ("e1", 1.0, "x", 5.0)
    assert row["dm.time"].timestamp() == NOON
    assert collector.count("captured_total") == 3
    assert post(collector, "other")[0] == 404
    assert request(collector.ingest, "POST", "/v1/sagemaker-captures")[0] == 400


def test_without_room_nothing_is_acknowledged(
    embedded_broker: Broker, supervisor: Supervisor, tmp_path: Path
) -> None:
    announce(embedded_broker, registration())
    collector = start(
        supervisor, embedded_broker, tmp_path / "spool", flags=("--spool-limit", "1MiB")
    )
    wait_for(lambda: post(collector, "seats")[0] == 202)
    many = [line("\n".join(["1," + "x" * 2000] * 100), "\n".join("5" * 100)) for _ in range(20)]
    assert post(collector, "seats", *many)[0] == 503
