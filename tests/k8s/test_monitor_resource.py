"""The kind Monitor at a real API server: what it takes, refuses and shows."""

import copy
from typing import Any

import pytest
import yaml

from monitor.spec.documents import DocumentError, parse
from tests.support.kube_api import KubeApi, RefusedByApiError
from tests.test_docs import ROOT, blocks

pytestmark = pytest.mark.xdist_group("kubernetes")

SHOWN = [
    document
    for text in [
        *(one for one in blocks("yaml") if one.startswith("apiVersion: driftmeter.dev")),
        (ROOT / "examples" / "monitor.yaml").read_text(),
    ]
    for document in yaml.safe_load_all(text)
    if document["kind"] == "Monitor"
]

LEAST: dict[str, Any] = {
    "apiVersion": "driftmeter.dev/v1",
    "kind": "Monitor",
    "metadata": {"name": "least"},
    "spec": {"reference": "first 1000"},
}


def alerting(**threshold: Any) -> dict[str, Any]:
    return {"thresholds": [{"name": "few", "statistic": "n_rows", **threshold}]}


def starting(**login: Any) -> dict[str, Any]:
    pipeline = {"url": "https://flow.example", "dag": "again", **login}
    return {"start": {"airflow": pipeline}}


def changed(**spec: Any) -> dict[str, Any]:
    return {**copy.deepcopy(LEAST), "spec": {**LEAST["spec"], **spec}}


def test_the_definition_is_accepted_and_becomes_a_kind(monitors: KubeApi) -> None:
    name = {"metadata": {"name": "monitors.driftmeter.dev"}}
    kind = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", **name}
    found = monitors.read(kind)
    assert found is not None
    conditions = {one["type"]: one["status"] for one in found["status"]["conditions"]}
    assert conditions["Established"] == "True"
    assert "NonStructuralSchema" not in conditions


@pytest.mark.parametrize("document", SHOWN, ids=lambda one: one["metadata"]["name"])
def test_every_document_of_the_docs_is_a_resource_as_it_is(
    document: dict[str, Any], monitors: KubeApi
) -> None:
    document["metadata"].pop("namespace", None)  # in a cluster it is the one it is applied to
    kept = monitors.apply(document)
    assert kept["spec"] == document["spec"]
    assert parse(yaml.safe_dump({**document, "spec": kept["spec"]}))


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({**LEAST, "spec": {}}, "spec.reference: Required value"),
        (changed(windos=["1h"]), "field not declared in schema"),
        (changed(lateness="an hour"), "should match"),
        (changed(windows=[]), "should have at least 1 items"),
        (changed(sample_rows=1001), "should be less than or equal to 1000"),
        (changed(columns={"age": "number"}), "Unsupported value"),
        (changed(label="prediction"), "label and prediction must be columns of their own"),
        (changed(prediction="seats", label="seats"), "must be columns of their own"),
        (changed(alerts=alerting()), "either above or below"),
        (changed(alerts=alerting(above=1, below=2)), "either above or below"),
        (changed(alerts=alerting(above=1, until=2)), "good side of the limit"),
        (changed(alerts=alerting(below=2, until=1)), "good side of the limit"),
        (changed(detection={"compare_with": [{}]}), "either trailing or season"),
        (changed(retrain=starting(username="me")), "belong together"),
        (
            changed(retrain=starting(username="me", password_file="/p", token_file="/t")),
            "a token or a username, not both",
        ),
        ({**LEAST, "metadata": {"name": "a" * 64}}, "at most 63 characters"),
    ],
)
def test_what_the_command_line_refuses_the_api_server_refuses(
    document: dict[str, Any], message: str, monitors: KubeApi
) -> None:
    with pytest.raises(RefusedByApiError, match=message):
        monitors.apply(document)
    with pytest.raises(DocumentError):
        parse(yaml.safe_dump(document))


@pytest.mark.parametrize(
    "spec",
    [
        {"alerts": alerting(above=2, below=None, until=1)},
        {"alerts": alerting(below=1, until=2)},
        {"detection": {"compare_with": [{"season": "7d", "trailing": None}]}},
        {"retrain": starting(username="me", password_file="/p", token_file=None)},
        {"retrain": starting()},
    ],
)
def test_what_the_command_line_accepts_the_api_server_accepts(
    spec: dict[str, Any], monitors: KubeApi
) -> None:
    assert parse(yaml.safe_dump(changed(**spec)))
    monitors.apply(changed(**spec))


def test_a_list_shows_what_is_asked_for_most(monitors: KubeApi) -> None:
    monitors.apply(LEAST)
    path = monitors.path(LEAST, "ml")
    status = {
        "apiVersion": LEAST["apiVersion"],
        "kind": "Monitor",
        "metadata": {"name": "least"},
        "status": {"registration": "active", "state": "drift", "alert": "firing"},
    }
    how = {"fieldManager": "test", "force": "true"}
    kind = {"Content-Type": "application/apply-patch+yaml"}
    monitors.call(
        "PATCH", path + "/status", params=how, content=yaml.safe_dump(status), headers=kind
    )
    table = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    shown = monitors.call("GET", path, headers=table)
    titles = [column["name"] for column in shown["columnDefinitions"]]
    assert titles == ["Name", "Registered", "State", "Alert", "Window", "Age"]
    assert shown["rows"][0]["cells"][:4] == ["least", "active", "drift", "firing"]
