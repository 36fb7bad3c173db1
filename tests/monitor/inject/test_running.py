"""An injected collector, run with the arguments that the manifest gives it."""

import hashlib
import sys
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families

from monitor.inject.pods import with_collector
from monitor.kafka.connecting import Broker
from monitor.up.supervisor import Supervisor, free_port
from tests.support.http_model import HttpModel, ok
from tests.support.pods import SETTINGS, collector_of, model_pod, numbers_by_name
from tests.support.running_collector import PREDICT, ROW
from tests.support.waiting import wait_for

ANSWER = b'{"predictions": [17]}'
TOKEN = "a-token-that-somebody-made-up"


def collect(
    supervisor: Supervisor, broker: Broker, pod: dict[str, Any], folder: Path
) -> dict[str, int]:
    """Runs what the pod's collector runs, with the pod's folders in one of this machine's.

    Returns the collector's ports: where callers are sent by name, and its own.
    """
    args = collector_of(pod)["args"]
    wild = {int(arg.rpartition(":")[2]): free_port() for arg in args if "=0.0.0.0:" in arg}
    here = {f"0.0.0.0:{port}": f"127.0.0.1:{free}" for port, free in wild.items()}
    here |= {"/var/spool": str(folder / "spool"), "/etc/driftmeter": str(folder)}
    here |= {SETTINGS.broker: broker.servers[0], SETTINGS.topic_prefix: broker.topics.prefix}
    for there, ours in here.items():
        args = [arg.replace(there, ours) for arg in args]
    (folder / "tokens").mkdir()
    annotations = pod["metadata"]["annotations"]
    (folder / "tokens" / "tokens").write_text(annotations["driftmeter.dev/push-tokens"])
    (probed,) = collector_of(pod)["ports"]
    ingest = wild[probed["containerPort"]]
    path = collector_of(pod)["startupProbe"]["httpGet"]["path"]
    ready = f"http://127.0.0.1:{ingest}{path}"
    supervisor.start("collect", [sys.executable, "-m", "monitor", *args], ready=ready)
    return {"http": wild[numbers_by_name(pod)["http"]], "ingest": ingest}


def captured(port: int) -> float:
    text = httpx2.get(f"http://127.0.0.1:{port}/metrics").text
    families = text_string_to_metric_families(text)
    samples = [one for family in families for one in family.samples]
    return sum(one.value for one in samples if one.name == "driftmeter_collector_captured_total")


@pytest.fixture
def model() -> HttpModel:
    return HttpModel(lambda _: [ok(ANSWER, b"Content-Type: application/json")])


def test_who_follows_the_name_gets_the_models_answer_by_way_of_the_collector(
    supervisor: Supervisor, embedded_broker: Broker, model: HttpModel, tmp_path: Path
) -> None:
    ports = [{"name": "http", "containerPort": model.address.port}]
    pod = with_collector(model_pod(ports=ports), SETTINGS)
    at = collect(supervisor, embedded_broker, pod, tmp_path)
    answer = httpx2.post(f"http://127.0.0.1:{at['http']}{PREDICT}", content=ROW)
    assert answer.content == ANSWER
    wait_for(lambda: captured(at["ingest"]) == 1)


def test_between_kserves_agent_and_the_model_it_answers_as_the_model_does(
    supervisor: Supervisor, embedded_broker: Broker, model: HttpModel, tmp_path: Path
) -> None:
    args = ["--enable-batcher", "--component-port", str(model.address.port)]
    agent = {"name": "agent", "image": "agent", "args": args}
    ports = [{"name": "http", "containerPort": model.address.port}]
    asked = model_pod(ports=ports, beside=(agent,), name="kserve-container")
    pod = with_collector(asked, SETTINGS)
    # What the agent calls is what the name is for elsewhere.
    called = int(pod["spec"]["containers"][1]["args"][-1])
    pod["spec"]["containers"][0]["ports"] = [{"name": "http", "containerPort": called}]
    at = collect(supervisor, embedded_broker, pod, tmp_path)
    answer = httpx2.post(f"http://127.0.0.1:{at['http']}{PREDICT}", content=ROW)
    assert answer.content == ANSWER


@pytest.mark.parametrize("allowed", [False, True])
def test_who_may_push_is_said_by_the_annotation_and_nobody_may_without_it(
    allowed: bool,
    supervisor: Supervisor,
    embedded_broker: Broker,
    model: HttpModel,
    tmp_path: Path,
) -> None:
    annotations = (
        {"driftmeter.dev/push-tokens": hashlib.sha256(TOKEN.encode()).hexdigest()}
        if allowed
        else {}
    )
    ports = [{"name": "http", "containerPort": model.address.port}]
    pod = with_collector(model_pod(annotations, ports=ports), SETTINGS)
    at = collect(supervisor, embedded_broker, pod, tmp_path)
    answer = httpx2.post(
        f"http://127.0.0.1:{at['ingest']}/v1/labels",
        headers={"Authorization": f"Bearer {TOKEN}"},
        content=orjson.dumps({"monitor": "seats", "rows": [{"id": "1", "label": 2}]}),
    )
    # Nobody has declared the monitor: who may push is told that, and nobody else is.
    assert answer.status_code in ((404, 503) if allowed else (401,))
