from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass

import orjson
import pytest
from prometheus_client import CollectorRegistry

from detectors.served import FAILED, REFUSED, slot_of
from monitor.batches import decode, to_rows
from monitor.collector.capture import Capture, CaptureLimits
from monitor.collector.envelope import Envelope
from monitor.collector.intake import Intake
from monitor.collector.recorder import Recorder
from monitor.collector.registry import Registry
from monitor.collector.screening import Screening
from monitor.collector.telemetry import Telemetry
from monitor.decoders import Exchange
from monitor.kafka.connecting import Broker
from monitor.kafka.messages import ARROW, Header, Registration, Topics, header, partition_for
from monitor.kafka.publishing import Message
from monitor.kafka.served import from_header
from monitor.spool import Spool
from monitor.spool.simulated import SimulatedDisk, no_fault
from tests.support.registrations import SCHEMA, registration
from tests.support.spooling import stored
from tests.support.waiting import wait_for

NOON = 1_700_000_000.0
TOPICS = Topics()
N_PARTITIONS = 4


def exchange(
    request_id: str = "r",
    instances: object = ((1.5, "x"),),
    predictions: object = (7,),
    **changed: object,
) -> Exchange:
    request = orjson.dumps({"instances": instances})
    response = orjson.dumps({"predictions": predictions})
    made = Exchange(
        "/v1/models/seats:predict", request_id, NOON, 0.25, 200, [], [], [request], [response]
    )
    return made._replace(**changed)  # type: ignore[arg-type]  # fields by their names


@dataclass
class Bench:
    """A recorder with its surroundings; its own thread is not started."""

    recorder: Recorder
    registry: Registry
    capture: Capture
    disk: SimulatedDisk
    spool: Spool
    metrics: CollectorRegistry

    def know(self, *registrations: Registration) -> None:
        self.registry.apply((r.key, r.to_bytes()) for r in registrations)

    def count(self, name: str, **labels: str) -> float:
        return self.metrics.get_sample_value(f"driftmeter_collector_{name}", labels) or 0.0

    def messages(self) -> list[Message]:
        """What Kafka is going to get."""
        self.spool.append([]).result(60)
        return [
            message
            for n, raw in stored(self.spool).items()
            for message in Envelope.from_bytes(raw).messages(n, TOPICS, N_PARTITIONS)
        ]


@pytest.fixture
def bench() -> Iterator[Bench]:
    metrics = CollectorRegistry()
    telemetry = Telemetry(metrics)
    registry = Registry(Broker(servers=("127.0.0.1:1",)), client_id="test")
    capture = Capture(CaptureLimits(), telemetry.count_dropped)
    disk = SimulatedDisk()
    spool = Spool(disk, limit_bytes=64 * 1024 * 1024)
    intake = Intake(spool, collector_id="c0", clock=lambda: NOON, screening=Screening(telemetry))
    recorder = Recorder(capture, registry, intake, telemetry, TOPICS)
    yield Bench(recorder, registry, capture, disk, spool, metrics)
    spool.close()


def test_rows_are_as_the_monitor_s_schema_wants_them(bench: Bench) -> None:
    bench.know(registration())
    bench.recorder.record([exchange("r1"), exchange("r2", ((1, "y"), (None, None)), (8, 9))])
    (message,) = bench.messages()
    rows, ids, times = to_rows(decode(message.value), SCHEMA)
    assert ids == ["r1", "r2/0", "r2/1"]
    assert set(times) == {NOON}
    assert decode(message.value).to_pylist()[1] | {"dm.time": None} == {
        "dm.id": "r2/0",
        "dm.time": None,
        "dm.latency": 0.25,
        "a": 1.0,
        "b": "y",
        "prediction": 8.0,
    }
    assert rows.n == 3


def test_how_a_model_answers_and_how_long_it_takes_is_counted(bench: Bench) -> None:
    bench.know(registration())
    failed = exchange("r3", status=500)
    bench.recorder.record([exchange("r1"), exchange("r2"), failed])
    answers = {
        one: bench.count("model_answers_total", monitor="seats", outcome=one)
        for one in ("ok", "error")
    }
    assert answers == {"ok": 2, "error": 1}
    assert bench.count("model_latency_seconds_sum", monitor="seats") == 2 * 0.25


def test_a_message_says_whose_rows_it_holds_and_who_sent_it(bench: Bench) -> None:
    bench.know(registration())
    bench.recorder.record([exchange()])
    (message,) = bench.messages()
    assert header(message.headers, Header.MONITOR) == "seats"
    assert header(message.headers, Header.CONTENT_TYPE) == ARROW
    assert header(message.headers, Header.COLLECTOR) == "c0"
    assert header(message.headers, Header.SEQUENCE) == "1"


def test_with_labels_expected_every_row_is_in_the_partition_of_its_id(bench: Bench) -> None:
    bench.know(registration(label="truth"))
    bench.recorder.record([exchange(f"r{i}") for i in range(100)])
    messages = bench.messages()
    assert len(messages) == N_PARTITIONS
    for message in messages:
        for row in decode(message.value).to_pylist():
            assert partition_for(row["dm.id"], N_PARTITIONS) == message.partition


def test_exchanges_of_different_shapes_share_a_batch(bench: Bench) -> None:
    bench.know(registration(schema=()))
    bench.recorder.record(
        [exchange("r1", ({"a": 1},)), exchange("r2", ({"b": 2},)), exchange("r3", ({"a": 3},))]
    )
    (message,) = bench.messages()
    batch = decode(message.value)
    assert batch["a"].to_pylist() == [1, None, 3]
    assert batch["b"].to_pylist() == [None, 2, None]


def test_the_event_time_comes_from_the_header_that_the_monitor_names(bench: Bench) -> None:
    bench.know(registration(event_time={"header": "X-Event-Time"}))
    headers = [(b"x-event-time", b"2023-11-14T23:00:00Z")]
    unreadable = [(b"X-Event-Time", b"soon")]
    bench.recorder.record(
        [
            exchange("r1", request_headers=headers),
            exchange("r2", request_headers=unreadable),
            exchange("r3"),
        ]
    )
    (message,) = bench.messages()
    _, _, times = to_rows(decode(message.value), SCHEMA)
    assert times.tolist() == [1_700_002_800.0, NOON, NOON]
    assert bench.count("unreadable_times_total", monitor="seats") == 2


def test_what_cannot_be_read_is_set_aside_with_its_cause(bench: Bench) -> None:
    bench.know(registration())
    bench.recorder.record([exchange(response=[b"{"]), exchange(status=500)])
    letters = bench.messages()
    assert [header(letter.headers, Header.REASON) for letter in letters] == [
        "not JSON",
        "model error",
    ]
    assert orjson.loads(letters[0].value)["response_bytes"] == 1
    assert bench.count("failed_total", reason="not JSON") == 1


def test_a_dead_letter_has_the_bodies_where_the_document_wants_them(bench: Bench) -> None:
    bench.know(registration(capture={"unreadable": "bodies"}))
    bench.recorder.record([exchange(response=[b"{"])])
    (letter,) = bench.messages()
    assert b64decode(orjson.loads(letter.value)["response"]) == b"{"


def test_a_dead_letter_keeps_no_more_than_a_body_s_beginning(bench: Bench) -> None:
    bench.know(registration(capture={"unreadable": "bodies"}))
    bench.recorder.record([exchange(request=[b"x" * 1_000_000])])
    (letter,) = bench.messages()
    assert len(letter.value) < 200_000


def test_a_model_that_no_monitor_claims_is_counted_and_not_set_aside(bench: Bench) -> None:
    bench.recorder.record([exchange()])
    assert bench.count("failed_total", reason="no monitor") == 1
    bench.know(registration())
    bench.recorder.record([exchange(status=503)])
    (letter,) = bench.messages()
    assert header(letter.headers, Header.REASON) == "model error"


def test_values_of_the_wrong_type_are_missing_and_counted(bench: Bench) -> None:
    bench.know(registration())
    bench.recorder.record([exchange("r", (("no", "x"),))])
    (message,) = bench.messages()
    assert decode(message.value)["a"].to_pylist() == [None]
    assert bench.count("schema_breaks_total", monitor="seats", kind="retyped") == 1


def test_many_rows_are_several_messages(bench: Bench) -> None:
    bench.know(registration())
    n = 25_000
    bench.recorder.record([exchange("r", [[i, "x"] for i in range(n)], [0] * n)])
    messages = bench.messages()
    assert len(messages) == 3
    ids = sorted(i for m in messages for i in decode(m.value)["dm.id"].to_pylist())
    assert ids == sorted(f"r/{i}" for i in range(n))


def test_a_disk_that_is_full_costs_captures_and_counts_them(bench: Bench) -> None:
    bench.know(registration())
    bench.disk.capacity_bytes = 0
    bench.recorder.record([exchange("r1"), exchange("r2", ((1, "y"), (2, "z")), (8, 9))])
    wait_for(lambda: bench.count("dropped_total", reason="spool full") == 2)


def test_a_disk_that_fails_costs_captures_and_counts_them(bench: Bench) -> None:
    def fault(operation: str, name: str) -> None:
        raise OSError("broken")

    bench.know(registration())
    bench.disk.fault = fault
    bench.recorder.record([exchange("r1")])
    wait_for(lambda: bench.count("dropped_total", reason="spool failed") == 1)
    bench.disk.fault = no_fault
    bench.recorder.record([exchange("r2")])
    assert [decode(m.value)["dm.id"].to_pylist() for m in bench.messages()] == [["r2"]]


def test_the_thread_waits_for_the_monitors_and_then_records(bench: Bench) -> None:
    bench.capture.put(exchange(), 100)
    bench.recorder.start()
    assert not bench.spool.wait(0, 0.3)
    bench.know(registration())
    bench.registry.is_loaded = True
    assert bench.spool.wait(0, 10.0)
    bench.recorder.stop(10.0)


def test_a_stop_records_what_was_captured(bench: Bench) -> None:
    bench.know(registration())
    bench.registry.is_loaded = True
    bench.recorder.start()
    bench.capture.put(exchange("last"), 100)
    bench.recorder.stop(10.0)
    assert len(bench.messages()) == 1


def test_a_stop_counts_what_no_monitor_was_known_for(bench: Bench) -> None:
    bench.recorder.start()
    bench.capture.put(exchange("last"), 100)
    bench.recorder.stop(10.0)
    assert bench.count("dropped_total", reason="shutdown") == 1


def test_bodies_at_a_path_of_the_document_s_are_read_as_it_says(bench: Bench) -> None:
    mapping = {
        "path": "/score",
        "rows": "/items",
        "columns": {"a": "/x", "b": "/y/0"},
        "outputs": "/results",
        "prediction": "/value",
    }
    bench.know(registration(model={"mapping": mapping}), registration("others"))
    request = [orjson.dumps({"items": [{"x": 1.5, "y": ["u"]}]})]
    response = [orjson.dumps({"results": [{"value": 7}]})]
    bench.recorder.record([exchange(path="/score?v=1", request=request, response=response)])
    (message,) = bench.messages()
    (row,) = decode(message.value).to_pylist()
    assert (row["a"], row["b"], row["prediction"]) == (1.5, "u", 7.0)


def test_each_version_of_a_model_has_messages_of_its_own(bench: Bench) -> None:
    bench.know(registration())
    path = "/v1/models/seats/versions/{}:predict".format
    bench.recorder.record([exchange("a"), exchange("b", path=path(2)), exchange("c", path=path(2))])
    told = [(header(m.headers, Header.MODEL_VERSION), decode(m.value)) for m in bench.messages()]
    assert [(version, rows["dm.id"].to_pylist()) for version, rows in told] == [
        (None, ["a"]),
        ("2", ["b", "c"]),
    ]


def test_the_version_comes_from_the_header_that_the_monitor_names(bench: Bench) -> None:
    bench.know(registration(model={"version_header": "X-Version"}))
    answered, asked = [(b"x-version", b"7")], [(b"x-version", b"6")]
    bench.recorder.record(
        [
            exchange(response_headers=answered, request_headers=asked),
            exchange(request_headers=asked, path="/v1/models/seats/versions/2:predict"),
        ]
    )
    versions = [header(message.headers, Header.MODEL_VERSION) for message in bench.messages()]
    assert versions == ["7", "6"]
    assert b"x-version" in bench.registry.monitors.kept_headers


def served(messages: list[Message]) -> list[tuple[float, dict[int, int]]]:
    """What each message tells of requests, of those that tell anything."""
    raw = [dict(message.headers).get(Header.SERVED) for message in messages]
    return [(one.time, dict(one.slots)) for told in raw if told for one in from_header(told)]


def test_every_request_of_the_proxys_is_told_once_beside_the_rows(bench: Bench) -> None:
    bench.know(registration(label="truth"))
    asked = [exchange(f"r{i}", arrived_at=NOON + i) for i in range(20)]
    broken = [exchange(status=500), exchange(status=422), exchange(response=[b"{"])]
    bench.recorder.record([*asked, *broken], batch=1)
    messages = [m for m in bench.messages() if m.topic == TOPICS.predictions]
    assert len(messages) == N_PARTITIONS
    assert served(messages) == [(NOON + 19, {slot_of(200, 0.25): 21, FAILED: 1, REFUSED: 1})]


def test_where_all_fail_or_no_row_leaves_a_message_without_rows_tells_it(bench: Bench) -> None:
    bench.know(registration(label="truth", capture={"sample": {"one_in": 1_000_000}}))
    bench.recorder.record([exchange("r"), exchange(status=503)], batch=1)
    [told] = [m for m in bench.messages() if m.topic == TOPICS.predictions]
    assert decode(told.value).num_rows == 0
    assert header(told.headers, Header.MONITOR) == "seats"
    assert served([told]) == [(NOON, {slot_of(200, 0.25): 1, FAILED: 1})]


def test_each_pane_of_event_time_has_counts_of_its_own(bench: Bench) -> None:
    bench.know(registration(windows=["1h"], event_time={"header": "X-Event-Time"}))
    hours = ["2023-11-14T22:10:00Z", "2023-11-14T22:20:00Z", "2023-11-14T23:00:00Z"]
    headers = [[(b"x-event-time", hour.encode())] for hour in hours]
    bench.recorder.record([exchange(status=500, request_headers=h) for h in headers], batch=1)
    first = 1_700_000_400.0
    assert served(bench.messages()) == [(first, {FAILED: 2}), (first + 2400, {FAILED: 1})]


def test_of_exchanges_that_somebody_logged_nothing_is_told(bench: Bench) -> None:
    bench.know(registration())
    bench.recorder.record([exchange(), exchange(status=500)])
    assert served(bench.messages()) == []


def test_of_a_model_that_is_down_one_request_a_minute_is_set_aside_and_every_one_counted(
    bench: Bench,
) -> None:
    bench.know(registration())
    down = [exchange(f"r{i}", status=502)._replace(arrived_at=NOON + i) for i in range(90)]
    for seen in (down[:30], [*down[30:], exchange("refused", status=429)]):
        bench.recorder.record(seen)
    kept = [orjson.loads(letter.value) for letter in bench.messages()]
    assert [letter["request_id"] for letter in kept] == ["r0", "r60", "refused"]
    assert bench.count("failed_total", reason="model error") == 91
