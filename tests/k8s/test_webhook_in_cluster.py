"""The admission webhook, called by a real API server."""

import base64
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from monitor.inject.pods import has_collector
from monitor.up.supervisor import Supervisor, free_port
from tests.conftest import Needs
from tests.k8s.test_monitor_resource import LEAST
from tests.support.certificates import self_signed
from tests.support.chart import of_kind, render, values_files
from tests.support.kube_api import KubeApi, RefusedByApiError
from tests.support.pods import collector_of, model_pod
from tests.support.waiting import wait_for

pytestmark = pytest.mark.xdist_group("kubernetes")

ASKS = {"driftmeter.dev/inject": "true"}
DENIES = {"driftmeter.dev/inject": "false"}

RESTRICTED: dict[str, Any] = {
    "runAsNonRoot": True,
    "runAsUser": 1000,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def namespace(name: str, **labels: str) -> dict[str, Any]:
    metadata = {"name": name, "labels": labels}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


@pytest.fixture(scope="module")
def configured(
    monitors: KubeApi,
    needs: Needs,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[KubeApi]:
    """An API server that knows of the chart's webhooks, at an address of this machine."""
    kubernetes = monitors
    folder = tmp_path_factory.mktemp("webhook")
    certificate, key = self_signed(needs("openssl"), folder)
    address = f"127.0.0.1:{free_port()}"
    manifests = render(values_files()["everything-values"])
    (deployment,) = (
        m for m in of_kind(manifests, "Deployment") if "inject" in m["metadata"]["name"]
    )
    told = deployment["spec"]["template"]["spec"]["containers"][0]["args"]
    told = [arg for arg in told if not arg.startswith(("--listen", "--certificate", "--key"))]
    own = [f"--listen={address}", f"--certificate={certificate}", f"--key={key}"]
    with Supervisor(folder / "logs", stop_timeout_s=0.0) as supervisor:
        supervisor.start(
            "admit", [sys.executable, "-m", "monitor", *told, *own], ready=f"tcp://{address}"
        )
        kinds = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
        for configuration in of_kind(manifests, *kinds):
            for webhook in configuration["webhooks"]:
                webhook["clientConfig"] = {
                    "url": f"https://{address}{webhook['clientConfig']['service']['path']}",
                    "caBundle": base64.b64encode(certificate.read_bytes()).decode(),
                }
            kubernetes.apply(configuration)
        kubernetes.apply(namespace("models"))
        kubernetes.apply(namespace("monitored", **{"driftmeter.dev/inject": "true"}))
        enforced = {"pod-security.kubernetes.io/enforce": "restricted"}
        kubernetes.apply(namespace("restricted", **enforced))
        # The API server hears of a configuration a moment after it was written.
        wait_for(lambda: has_collector(made(kubernetes, model_pod(ASKS), "models")))
        yield kubernetes
        for configuration in of_kind(manifests, *kinds):
            kubernetes.call("DELETE", kubernetes.path(configuration, "ml"))


def made(kubernetes: KubeApi, pod: dict[str, Any], where: str) -> dict[str, Any]:
    """The pod as the API server would make it."""
    path = kubernetes.path(pod, where).rpartition("/")[0]
    strictly = {"dryRun": "All", "fieldValidation": "Strict"}
    return kubernetes.call("POST", path, params=strictly, json=pod)


def test_a_pod_that_asks_gets_a_collector(configured: KubeApi) -> None:
    pod = made(configured, model_pod(ASKS), "models")
    collector = collector_of(pod)
    assert collector["restartPolicy"] == "Always"
    assert collector["image"] == "driftmeter/collector:0.1.0"
    assert "--broker=kafka-0:9092,kafka-1:9092" in collector["args"]


@pytest.mark.parametrize(
    ("annotations", "where", "expected"),
    [
        ({}, "models", False),
        (DENIES, "models", False),
        (ASKS, "models", True),
        ({}, "monitored", True),
        (DENIES, "monitored", False),
        (ASKS, "kube-system", False),
        (ASKS, "ml", False),
    ],
)
def test_who_asks_is_the_pod_or_its_namespace_and_never_ours_or_kubernetes_own(
    annotations: dict[str, str], where: str, expected: bool, configured: KubeApi
) -> None:
    pod = model_pod(annotations, securityContext=RESTRICTED)
    assert has_collector(made(configured, pod, where)) is expected


def test_the_collector_is_admitted_where_the_restricted_standard_is_enforced(
    configured: KubeApi,
) -> None:
    pod = made(configured, model_pod(ASKS, securityContext=RESTRICTED), "restricted")
    assert has_collector(pod)


def test_whoever_makes_a_pod_that_cannot_have_one_is_warned(configured: KubeApi) -> None:
    pod = model_pod(ASKS, ports=[{"containerPort": 8080}])
    path = configured.path(pod, "models").rpartition("/")[0]
    answer = configured.client().post(path, params={"dryRun": "All"}, json=pod)
    assert answer.status_code == 201
    assert "driftmeter: no collector: port 8080" in answer.headers["warning"]
    assert not has_collector(answer.json())


def test_a_monitor_that_no_schema_could_refuse_is_refused_with_the_reason(
    configured: KubeApi,
) -> None:
    wrong = {**LEAST, "spec": {"reference": "first 1000", "windows": ["2h", "3h"]}}
    with pytest.raises(RefusedByApiError, match="whole multiple of the shortest"):
        configured.apply(wrong)
    configured.apply(LEAST)


def test_pods_are_made_without_one_while_the_webhook_is_away(
    configured: KubeApi,
) -> None:
    kind = {"metadata": {"name": "driftmeter-ml-driftmeter"}}
    address = {"apiVersion": "admissionregistration.k8s.io/v1"}
    found = configured.read({**address, "kind": "MutatingWebhookConfiguration", **kind})
    assert found is not None
    away = {
        **address,
        "kind": found["kind"],
        "metadata": {"name": "driftmeter-away"},
        "webhooks": [
            {**one, "clientConfig": {"url": f"https://127.0.0.1:{free_port()}/inject"}}
            for one in found["webhooks"]
        ],
    }
    configured.apply(away)
    assert made(configured, model_pod(ASKS), "models")["metadata"]["name"] == "seats"
