"""compose.yaml and the files that its services read, each tried with the program that reads it."""

import json
import os
import shlex
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.real_servers import environments
from monitor import cli
from monitor.kafka.connecting import Broker
from monitor.kafka.messages import Topics
from monitor.spec.documents import load
from monitor.up.supervisor import Supervisor, free_port
from tests.conftest import Needs, cache_folder
from tests.support import apache_kafka

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: one for name, one in SERVICES.items() if one["image"].startswith("driftmeter/")}
FILES = ROOT / "compose"


def mounted(name: str) -> Iterator[tuple[Path, str]]:
    """Files and folders of this repository that a service sees, and where."""
    for volume in SERVICES[name].get("volumes", ()):
        source, target, *_ = volume.split(":")
        if source.startswith("./"):
            yield ROOT / source, target


def run(*command: str | Path) -> str:
    """What a program says that must end well."""
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_it_is_what_compose_specifies() -> None:
    schema = ("--builtin-schema", "vendor.compose-spec")
    run(sys.executable, "-m", "check_jsonschema", *schema, ROOT / "compose.yaml")


def test_its_services_are_those_that_driftmeter_works_with() -> None:
    others = {"kafka", "postgres", "prometheus", "alertmanager", "grafana", "otel-collector"}
    assert others < SERVICES.keys()
    assert {"collector", "aggregate", "detect", "server", "model", "traffic"} < OURS.keys()


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_names_is_there(name: str) -> None:
    service = SERVICES[name]
    assert all(path.exists() for path, _ in mounted(name))
    volumes = {volume.split(":")[0] for volume in service.get("volumes", ())}
    assert {one for one in volumes if not one.startswith(".")} <= COMPOSE["volumes"].keys()
    assert {one["source"] for one in service.get("configs", ())} <= COMPOSE["configs"].keys()
    assert set(service.get("depends_on", ())) <= SERVICES.keys()
    for needed, how in service.get("depends_on", {}).items():
        if how["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[needed]


@pytest.mark.parametrize("name", SERVICES)
def test_images_have_versions_and_ports_are_this_machines_own(name: str) -> None:
    _, _, tag = SERVICES[name]["image"].rpartition(":")
    assert tag not in ("", "latest")
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", ()))


@pytest.mark.parametrize("name", OURS)
def test_ours_may_write_where_they_are_told_to_and_nowhere_else(name: str) -> None:
    assert OURS[name]["read_only"] is True
    assert OURS[name]["cap_drop"] == ["ALL"]
    assert OURS[name]["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", OURS)
def test_ours_are_started_with_flags_that_exist(name: str) -> None:
    service, module = OURS[name], OURS[name].get("entrypoint", [None])[-1]
    if module is None:
        assert callable(cli.parse(service["command"]).run)
        return
    known = run(sys.executable, "-m", module, "--help")
    for flag in service["command"]:
        assert flag.partition("=")[0] in known


def in_place(service: str, folder: Path) -> list[str]:
    """The arguments of a service, with its files in this folder as they are in the container's."""
    (there,) = {str(Path(target).parent) for _, target in mounted(service)}
    for path, target in mounted(service):
        shutil.copy(path, folder / Path(target).name)
    return [one.replace(there, str(folder)) for one in SERVICES[service]["command"]]


def asked(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return json.load(answer)


def test_prometheus_runs_with_its_file_and_has_the_rules(
    needs: Needs, supervisor: Supervisor, tmp_path: Path
) -> None:
    address = f"127.0.0.1:{free_port()}"
    args = in_place("prometheus", tmp_path)
    (tmp_path / "tokens").write_text("token")
    run(needs("promtool"), "check", "config", "--lint=all", tmp_path / "prometheus.yml")
    args += [f"--web.listen-address={address}", f"--storage.tsdb.path={tmp_path / 'data'}"]
    command = [str(needs("prometheus")), *args]
    supervisor.start("prometheus", command, ready=f"http://{address}/-/ready")
    groups = yaml.safe_load((tmp_path / "driftmeter.rules.yaml").read_text())["groups"]
    taken = asked(f"http://{address}/api/v1/rules")["data"]["groups"]
    assert {one["name"] for one in taken} == {one["name"] for one in groups}
    configuration = asked(f"http://{address}/api/v1/status/config")["data"]["yaml"]
    assert len(yaml.safe_load(configuration)["scrape_configs"]) == 4


def test_prometheus_asks_every_service_of_ours_that_has_metrics() -> None:
    jobs = yaml.safe_load((FILES / "prometheus.yml").read_text())["scrape_configs"]
    targets = {one for job in jobs for config in job["static_configs"] for one in config["targets"]}
    assert targets == {"server:8600", "collector:9001", "aggregate:9102", "detect:9103"}
    for target in targets - {"server:8600"}:
        name, _, port = target.partition(":")
        assert any(port in flag for flag in SERVICES[name]["command"])


def test_alertmanager_runs_with_its_file_and_has_a_receiver(
    needs: Needs, supervisor: Supervisor, tmp_path: Path
) -> None:
    address = f"127.0.0.1:{free_port()}"
    args = [
        one.replace("=/alertmanager", f"={tmp_path}") for one in in_place("alertmanager", tmp_path)
    ]
    args += [f"--web.listen-address={address}", "--cluster.listen-address="]
    command = [str(needs("prometheus-alertmanager")), *args]
    supervisor.start("alertmanager", command, ready=f"http://{address}/-/ready")
    assert asked(f"http://{address}/api/v2/receivers") == [{"name": "nobody"}]


def test_the_opentelemetry_collector_takes_its_file(not_tested: Any) -> None:
    if not environments.is_installed(environments.OTELCOL):
        not_tested("the OpenTelemetry Collector is not built")
    config = f"--config=file:{FILES / 'otel-collector.yaml'}"
    run(environments.program(environments.OTELCOL), "validate", config)
    built_from = (ROOT / "benchmarks/real_servers/otelcol/go.mod").read_text()
    release = SERVICES["otel-collector"]["image"].rpartition(":")[2]
    assert f"otlpreceiver v{release}" in built_from


@pytest.mark.parametrize(
    ("file", "kind", "keys"),
    [
        ("dashboards/driftmeter", "providers", {"name", "type", "folder", "options"}),
        (
            "datasources/prometheus",
            "datasources",
            {"name", "type", "access", "url", "uid", "isDefault"},
        ),
    ],
    ids=["dashboards", "datasources"],
)
def test_grafana_knows_every_key_that_provisions_it(file: str, kind: str, keys: set[str]) -> None:
    """It passes over others. The keys are those of DashboardAsConfigV1 and configsV1 in
    https://github.com/grafana/grafana/tree/main/pkg/services/provisioning, as far as we use them.
    """
    found = yaml.safe_load((FILES / "grafana" / f"{file}.yaml").read_text())
    assert found.keys() == {"apiVersion", kind}
    assert found["apiVersion"] == 1
    assert all(one.keys() <= keys for one in found[kind])


def test_grafana_shows_our_dashboard_from_our_prometheus() -> None:
    (source,) = yaml.safe_load((FILES / "grafana/datasources/prometheus.yaml").read_text())[
        "datasources"
    ]
    (provider,) = yaml.safe_load((FILES / "grafana/dashboards/driftmeter.yaml").read_text())[
        "providers"
    ]
    seen = {target: path for path, target in mounted("grafana")}
    dashboards = seen[provider["options"]["path"]]
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert json.loads((dashboards / Path(home).name).read_text())["uid"] == "driftmeter-overview"
    assert (source["type"], source["url"]) == ("prometheus", "http://prometheus:9090")
    assert source["isDefault"] is True


@pytest.mark.xdist_group("apache-kafka")
@pytest.mark.timeout(600)
def test_a_real_kafka_runs_with_its_file_and_has_our_topics(
    needs: Needs, supervisor: Supervisor, tmp_path: Path
) -> None:
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{apache_kafka.version()}"
    jars = apache_kafka.libraries(needs("mvn"), cache_folder())
    port, controllers = free_port(), free_port()
    text = (FILES / "kafka" / "server.properties").read_text()
    here = {
        "PLAINTEXT://:9092": f"PLAINTEXT://127.0.0.1:{port}",
        "PLAINTEXT://kafka:9092": f"PLAINTEXT://127.0.0.1:{port}",
        "CONTROLLER://:9093": f"CONTROLLER://127.0.0.1:{controllers}",
        "1@localhost:9093": f"1@127.0.0.1:{controllers}",
        "/var/lib/kafka/data": str(tmp_path / "data"),
    }
    for there, ours in here.items():
        assert there in text
        text = text.replace(there, ours)
    properties = tmp_path / "server.properties"
    properties.write_text(text)
    java = [str(needs("java")), "-Xmx384m", "-cp", f"{jars}{os.sep}*"]
    storage = shlex.split(f"kafka.tools.StorageTool format --cluster-id {apache_kafka.CLUSTER_ID}")
    run(*java, *storage, "--config", properties)
    supervisor.start(
        "kafka", [*java, "kafka.Kafka", str(properties)], ready=f"tcp://127.0.0.1:{port}"
    )
    Broker(
        servers=(f"127.0.0.1:{port}",), topics=Topics("driftmeter."), session_timeout_s=2.0
    ).create_topics()


def test_the_demos_world_is_prepared_for_processes_that_are_started_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", OURS["world"]["environment"]["OMP_NUM_THREADS"])
    command = [sys.executable, "-m", "monitor.demo.prepare", f"--folder={tmp_path}"]
    command.append("--alertmanager=http://alertmanager:9093")
    run(*command)
    (monitor,) = load(tmp_path / "monitor.yaml")
    assert Path(str(monitor.spec.reference.url)).exists()
    assert not monitor.spec.retrain.webhooks
    assert [one.name for one in monitor.spec.alerts.channels] == ["alertmanager"]
    written = (tmp_path / "reference-1.parquet").stat().st_mtime_ns
    run(*command)
    assert (tmp_path / "reference-1.parquet").stat().st_mtime_ns == written
