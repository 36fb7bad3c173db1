"""Collectors put into files of manifests by `driftmeter inject`."""

import io
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor import cli
from monitor.inject import manifests
from monitor.inject.pods import has_collector
from tests.support.pods import SETTINGS, model_pod

POD: dict[str, Any] = {key: model_pod()[key] for key in ("metadata", "spec")}
SERVICE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "seats"},
    "spec": {"selector": {"app": "seats"}, "ports": [{"port": 80, "targetPort": 8080}]},
}


def workload(kind: str, pod: dict[str, Any] = POD) -> dict[str, Any]:
    document: dict[str, Any] = pod
    for key in reversed(manifests.TEMPLATES[kind]):
        document = {key: document}
    return {"kind": kind, **document, "metadata": {"name": "seats", "labels": {"app": "seats"}}}


def annotated(value: str) -> dict[str, Any]:
    return {**POD, "metadata": {"annotations": {"driftmeter.dev/inject": value}}}


def pod_in(document: dict[str, Any]) -> dict[str, Any]:
    found = document
    for key in manifests.TEMPLATES[document["kind"]]:
        found = found[key]
    return found


@pytest.mark.parametrize("kind", manifests.TEMPLATES)
def test_the_only_workload_of_a_file_gets_a_collector(kind: str) -> None:
    (injected,) = manifests.inject([workload(kind)], SETTINGS)
    assert has_collector(pod_in(injected))


def test_of_several_workloads_those_get_one_that_ask_for_it() -> None:
    asked, other = workload("Deployment", annotated("true")), workload("StatefulSet")
    both = {"kind": "List", "items": [asked, other]}
    (injected,) = manifests.inject([both], SETTINGS)
    assert [has_collector(pod_in(one)) for one in injected["items"]] == [True, False]


@pytest.mark.parametrize("documents", [[], [workload("Pod"), workload("Job")], [SERVICE]])
def test_a_file_in_which_nobody_asks_is_an_error(documents: list[Any]) -> None:
    with pytest.raises(manifests.ManifestError, match="asks for a collector"):
        manifests.inject(documents, SETTINGS)


def test_a_workload_that_says_no_is_left_alone_even_if_it_is_the_only_one() -> None:
    with pytest.raises(manifests.ManifestError, match="asks for a collector"):
        manifests.inject([workload("Deployment", annotated("false"))], SETTINGS)


@pytest.mark.parametrize("port", [{"port": 80, "targetPort": 8080}, {"port": 8080}])
def test_a_service_that_pointed_to_the_models_number_follows_its_name(port: Any) -> None:
    service = {**SERVICE, "spec": {**SERVICE["spec"], "ports": [port, {"port": 9090}]}}
    _, injected = manifests.inject([workload("Deployment"), service], SETTINGS)
    assert [one.get("targetPort") for one in injected["spec"]["ports"]] == ["http", None]


def test_a_service_of_other_pods_stays_as_it_is() -> None:
    other = {**SERVICE, "spec": {**SERVICE["spec"], "selector": {"app": "database"}}}
    selecting_none = {**SERVICE, "spec": {"ports": [{"port": 8080}]}}
    documents = [workload("Deployment"), other, selecting_none]
    assert manifests.inject(documents, SETTINGS)[1:] == [other, selecting_none]


def test_an_error_names_the_workload() -> None:
    broken = workload("Deployment", {"spec": {"containers": []}})
    with pytest.raises(manifests.ManifestError, match="Deployment 'seats' has no pod"):
        manifests.inject([broken], SETTINGS)


@pytest.mark.parametrize(
    "text",
    ["a: 2024-01-01T00:00:00Z", "a: 'yes'", "a: |\n  one\n  two\n", "a: '08'", "a: ü", "a: null"],
)
def test_what_is_not_a_workload_is_written_as_it_was_read(text: str) -> None:
    assert yaml.load(manifests.write(manifests.read(text, "file")), yaml.BaseLoader) == yaml.load(
        text, yaml.BaseLoader
    )


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    code = cli.main(["inject", *args])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_the_command_reads_a_file_or_what_it_is_given_and_repeats_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "deployment.yaml"
    path.write_text("---\n" + yaml.safe_dump_all([workload("Deployment"), SERVICE, None]))
    code, once, _ = run(capsys, "-f", str(path), "--broker", "kafka-0:9092,kafka-1:9092")
    assert code == 0
    assert "--broker=kafka-0:9092,kafka-1:9092" in once
    monkeypatch.setattr(sys, "stdin", io.StringIO(once))
    assert run(capsys, "-f", "-") == (0, once, "")


@pytest.mark.parametrize("text", ["a: [", "kind: Service", "- 1"])
def test_a_file_that_cannot_be_used_is_said_in_one_line_and_nothing_is_written(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "deployment.yaml"
    path.write_text(text)
    code, out, err = run(capsys, "-f", str(path))
    assert (code, out) == (2, "")
    assert err.startswith("driftmeter: ")
