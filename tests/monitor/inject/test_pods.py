"""A collector in front of a pod's model: ports, probes, neighbours, and what cannot be."""

import copy
from dataclasses import replace
from typing import Any

import kubernetes_validate
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor import cli
from monitor.collector.tokens import Named, read_tokens
from monitor.inject.pods import with_collector
from monitor.inject.wishes import PREFIX, RefusedError
from tests.support.pods import SETTINGS, Pod, collector_of, model_pod, numbers_by_name

ORDINARY = replace(SETTINGS, is_native=False)
SECRETS = replace(SETTINGS, broker_security_secret="kafka", hash_key_secret="key")
TENANT = replace(SETTINGS, is_namespaced=True, quotas_config_map="quotas")

AGENT = {
    "name": "agent",
    "image": "kserve/agent:v0.20.0",
    "args": ["--enable-batcher", "--max-batchsize", "32", "--component-port", "8080"],
    "ports": [{"name": "agent-port", "containerPort": 9081}],
}


def kserve_pod(*beside: Pod, annotations: dict[str, str] | None = None) -> Pod:
    ports = [{"name": "http1", "containerPort": 8080}]
    return model_pod(annotations, ports=ports, beside=beside, name="kserve-container")


def flags(pod: Pod) -> Any:
    return cli.parse(collector_of(pod)["args"])


def test_a_name_that_callers_follow_leads_to_the_collector_and_on_to_the_model() -> None:
    pod = with_collector(model_pod(), SETTINGS)
    told = flags(pod)
    assert numbers_by_name(pod)["http"] == told.listen.port == 9000
    assert str(told.upstream) == "127.0.0.1:8080"


def test_a_number_that_callers_follow_leads_to_the_collector_where_the_model_moved_aside() -> None:
    asked = model_pod({PREFIX + "upstream-port": "8081"}, ports=[{"containerPort": 8080}])
    told = flags(with_collector(asked, SETTINGS))
    assert (told.listen.port, told.upstream.port) == (8080, 8081)


@pytest.mark.parametrize("aside", [None, "8081"])
@pytest.mark.parametrize("named", ["http", 8080])
def test_the_kubelet_asks_the_model_and_not_its_collector(aside: str | None, named: object) -> None:
    annotations = {PREFIX + "upstream-port": aside} if aside else {}
    probe = {"httpGet": {"path": "/ready", "port": named}}
    asked = model_pod(annotations, readinessProbe=probe, lifecycle={"preStop": probe})
    model = with_collector(asked, SETTINGS)["spec"]["containers"][0]
    expected = int(aside or 8080)
    assert model["readinessProbe"]["httpGet"]["port"] == expected
    assert model["lifecycle"]["preStop"]["httpGet"]["port"] == expected


def test_grpc_is_taken_over_beside_http() -> None:
    ports = [{"name": "http", "containerPort": 8080}, {"name": "grpc", "containerPort": 8081}]
    pod = with_collector(model_pod({PREFIX + "grpc-port": "grpc"}, ports=ports), SETTINGS)
    told = flags(pod)
    assert numbers_by_name(pod)["grpc"] == told.grpc_listen.port
    assert told.grpc_upstream.port == 8081
    assert told.upstream is None
    both = {PREFIX + "grpc-port": "grpc", PREFIX + "port": "http"}
    told = flags(with_collector(model_pod(both, ports=ports), SETTINGS))
    assert (told.upstream.port, told.grpc_upstream.port) == (8080, 8081)


@given(st.lists(st.integers(1, 65_535) | st.integers(8999, 9004), max_size=6, unique=True))
def test_no_port_is_used_twice_whatever_the_pod_declares(others: list[int]) -> None:
    taken = {*others, 8080}
    beside = {"name": "other", "ports": [{"containerPort": port} for port in taken - {8080}]}
    pod = with_collector(model_pod({PREFIX + "container": "model"}, beside=(beside,)), SETTINGS)
    told = flags(pod)
    assert len({told.listen.port, told.ingest.port} | taken) == len(taken) + 2


@pytest.mark.parametrize("settings", [SETTINGS, ORDINARY, SECRETS])
@pytest.mark.parametrize("pod", [model_pod(), kserve_pod(AGENT)], ids=["plain", "kserve"])
def test_injecting_twice_is_injecting_once_and_changes_nothing_that_was_given(
    settings: Any, pod: Pod
) -> None:
    before = copy.deepcopy(pod)
    once = with_collector(pod, settings)
    assert pod == before
    assert with_collector(once, settings) == once != before


@pytest.mark.parametrize("settings", [SETTINGS, ORDINARY, SECRETS, TENANT])
@pytest.mark.parametrize("version", ["1.29", "1.33", "1.37"])
def test_kubernetes_knows_every_field(settings: Any, version: str) -> None:
    kubernetes_validate.validate(with_collector(model_pod(), settings), version, strict=True)


def test_the_collector_meets_the_restricted_standard() -> None:
    pod = with_collector(model_pod(), SECRETS)
    context = collector_of(pod)["securityContext"]
    assert context["runAsNonRoot"] is context["readOnlyRootFilesystem"] is True
    assert context["runAsUser"] > 10_000
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    kinds = {key for volume in pod["spec"]["volumes"] for key in volume.keys() - {"name"}}
    assert kinds == {"emptyDir", "downwardAPI", "secret"}


def test_what_is_mounted_is_there_and_what_is_named_is_mounted() -> None:
    pod = with_collector(model_pod(), SECRETS)
    volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
    mounts = {one["mountPath"]: one["name"] for one in collector_of(pod)["volumeMounts"]}
    assert set(mounts.values()) == volumes
    told = flags(pod)
    for path in (told.ingest_token_file, told.spool, told.broker_security, told.hash_key_file):
        assert any(str(path).startswith(mount) for mount in mounts), path


def test_a_tenants_collector_is_told_its_pods_namespace_and_the_quotas() -> None:
    pod = with_collector(model_pod(), TENANT)
    collector, told = collector_of(pod), flags(pod)
    (variable,) = collector["env"]
    assert variable["valueFrom"]["fieldRef"] == {"fieldPath": "metadata.namespace"}
    assert told.namespace == [f"$({variable['name']})"]  # which the kubelet writes out
    (volume,) = (one for one in pod["spec"]["volumes"] if "configMap" in one)
    mounts = {one["name"]: one["mountPath"] for one in collector["volumeMounts"]}
    assert str(told.quotas) == f"{mounts[volume['name']]}/quotas.yaml"
    assert not flags(with_collector(model_pod(), SETTINGS)).namespace


def test_nobody_may_push_until_an_annotation_says_who() -> None:
    digest = "ab" * 32
    default = with_collector(model_pod(), SETTINGS)["metadata"]["annotations"]
    assert set(read_tokens(default[PREFIX + "push-tokens"], "")) == {bytes(32)}
    asked = model_pod({PREFIX + "push-tokens": f"{digest} free-seats"})
    told = with_collector(asked, SETTINGS)["metadata"]["annotations"][PREFIX + "push-tokens"]
    assert read_tokens(told, "") == {bytes.fromhex(digest): Named.of(["free-seats"])}


def test_a_native_sidecar_starts_after_a_meshs_and_ends_before_it() -> None:
    pod = model_pod()
    proxy = {"name": "istio-proxy", "image": "proxyv2", "restartPolicy": "Always"}
    pod["spec"]["initContainers"] = [proxy]
    names = [one["name"] for one in with_collector(pod, SETTINGS)["spec"]["initContainers"]]
    assert names == ["istio-proxy", "driftmeter-collector"]
    assert collector_of(with_collector(pod, SETTINGS))["restartPolicy"] == "Always"


def test_before_native_sidecars_it_is_an_ordinary_container() -> None:
    spec = with_collector(model_pod(), ORDINARY)["spec"]
    assert "initContainers" not in spec
    assert "restartPolicy" not in spec["containers"][-1]


@pytest.mark.parametrize(
    "annotation",
    ["traffic.sidecar.istio.io/excludeInboundPorts", "config.linkerd.io/skip-inbound-ports"],
)
def test_meshes_leave_the_kubelets_way_to_the_collector_alone(annotation: str) -> None:
    pod = with_collector(model_pod({annotation: "15020"}), SETTINGS)
    assert pod["metadata"]["annotations"][annotation] == "15020,9001"
    assert flags(pod).ingest.port == 9001


@pytest.mark.parametrize("proxy", ["istio-proxy", "linkerd-proxy", "queue-proxy"])
def test_a_proxy_is_not_taken_for_the_model(proxy: str) -> None:
    beside = ({"name": proxy, "image": "p", "ports": [{"name": "http-p", "containerPort": 1}]},)
    assert flags(with_collector(model_pod(beside=beside), SETTINGS)).upstream.port == 8080


def test_between_kserves_agent_and_its_model_the_agent_calls_the_collector() -> None:
    pod = with_collector(kserve_pod(AGENT), SETTINGS)
    agent = next(one for one in pod["spec"]["containers"] if one["name"] == "agent")
    told = flags(pod)
    assert agent["args"][-1] == str(told.listen.port) == "9000"
    assert told.upstream.port == 8080
    assert numbers_by_name(pod) == {"http1": 8080, "agent-port": 9081}


LOGGER = {**AGENT, "args": [*AGENT["args"], "--log-url", "http://driftmeter.ml:9001/"]}
ISTIO_INIT = {"name": "istio-init", "image": "proxyv2"}


def changed(**spec: Any) -> Pod:
    pod = model_pod()
    pod["spec"].update(spec)
    return pod


@pytest.mark.parametrize(
    ("pod", "message"),
    [
        (model_pod({PREFIX + "prot": "http"}), "no annotation driftmeter.dev/prot; there are"),
        (model_pod({PREFIX + "inject": "yes"}), "in quotes"),
        (model_pod({PREFIX + "upstream-port": "http"}), "not the number"),
        (model_pod({PREFIX + "port": "grpc"}), "declares no port 'grpc'"),
        (model_pod({PREFIX + "container": "app"}), "no container 'app'; there are model"),
        (model_pod(ports=[]), "It declares none"),
        (model_pod(ports=[{"containerPort": 1}, {"containerPort": 2}]), "It declares 1, 2"),
        (model_pod(ports=[{"containerPort": 8080}]), "has no name"),
        (model_pod(beside=({"name": "app"},)), "There are model, app"),
        (kserve_pod(), "predictor.logger"),
        (kserve_pod(LOGGER), "logs the predictions"),
        (
            kserve_pod(annotations={"internal.serving.kserve.io/logger": "true"}),
            "logs the predictions",
        ),
        (kserve_pod({**AGENT, "args": []}), "--component-port"),
        (changed(hostNetwork=True), "hostNetwork"),
        (changed(initContainers=[ISTIO_INIT]), "before the mesh"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(pod: Pod, message: str) -> None:
    with pytest.raises(RefusedError, match=message):
        with_collector(pod, SETTINGS)


def test_an_ordinary_container_never_keeps_a_job_from_ending() -> None:
    with pytest.raises(RefusedError, match="ever ending"):
        with_collector(changed(restartPolicy="Never"), ORDINARY)
    assert collector_of(with_collector(changed(restartPolicy="Never"), SETTINGS))
