"""The chart, rendered by Helm with every values file, against Kubernetes' own schemas."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor import cli, flags
from monitor.spec import crd, documents
from tests.support.chart import (
    CHART,
    WORKLOADS,
    Manifest,
    RenderError,
    containers,
    containers_of,
    named,
    notes,
    of_kind,
    pod_of,
    render,
    values_files,
)

VALUES = values_files()
WITH_KEY = {"store": "s3://models/references", "hashKeySecret": "hash-key"}
CLUSTER_WIDE = {
    *("ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"),
    *("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration", "PriorityClass"),
}
NAMESPACED = [name for name in VALUES if not name.startswith(("everything", "tenants"))]

every_values_file = pytest.mark.parametrize("values", VALUES.values(), ids=VALUES.keys())


@every_values_file
def test_what_is_mounted_is_there_and_what_is_written_is_writable(values: dict[str, Any]) -> None:
    for workload in of_kind(render(values), *WORKLOADS):
        spec = pod_of(workload)["spec"]
        claims = workload["spec"].get("volumeClaimTemplates", [])
        volumes = {v["name"] for v in spec["volumes"]} | {c["metadata"]["name"] for c in claims}
        for container in spec["containers"]:
            mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
            assert set(mounts.values()) <= volumes
            assert "/tmp" in mounts


@every_values_file
def test_the_arguments_are_those_of_the_command_line(values: dict[str, Any]) -> None:
    for _, container in containers(render(values)):
        args = cli.parse([str(argument) for argument in container["args"]])
        assert callable(args.run)


@every_values_file
def test_labels_are_the_recommended_ones_and_selectors_find_their_pods(
    values: dict[str, Any],
) -> None:
    manifests = render(values)
    for manifest in manifests:
        labels = manifest["metadata"]["labels"]
        assert labels["app.kubernetes.io/name"] == "driftmeter"
        assert labels["app.kubernetes.io/instance"] == "driftmeter"
    pods = [pod_of(one)["metadata"]["labels"] for one in of_kind(manifests, *WORKLOADS)]
    selectors = [m["spec"]["selector"] for m in of_kind(manifests, "Service")]
    budgets = of_kind(manifests, "PodDisruptionBudget", "Deployment", "StatefulSet")
    selectors += [m["spec"]["selector"]["matchLabels"] for m in budgets]
    for selector in selectors:
        assert any(selector.items() <= pod.items() for pod in pods), selector


@every_values_file
def test_ports_are_named_where_they_are_pointed_at(values: dict[str, Any]) -> None:
    manifests = render(values)
    for service in of_kind(manifests, "Service"):
        selector = service["spec"]["selector"]
        workloads = of_kind(manifests, "Deployment", "StatefulSet")
        (behind,) = [
            w for w in workloads if selector.items() <= pod_of(w)["metadata"]["labels"].items()
        ]
        open_ports = {p["name"] for c in pod_of(behind)["spec"]["containers"] for p in c["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= open_ports


@pytest.mark.parametrize("name", NAMESPACED)
def test_nothing_asks_for_rights_in_the_cluster(name: str) -> None:
    manifests = render(VALUES[name])
    kinds = {manifest["kind"] for manifest in manifests}
    assert not kinds & CLUSTER_WIDE
    assert ("Role" in kinds) == (name == "namespaced-controller-values")
    assert {m["metadata"].get("namespace", "ml") for m in manifests} == {"ml"}


def test_a_controller_may_do_what_it_does_and_nothing_else() -> None:
    (role,) = of_kind(render(VALUES["everything-values"]), "Role")
    allowed = {one: rule["verbs"] for rule in role["rules"] for one in rule["resources"]}
    reading = ["get", "list", "watch", "patch"]
    assert allowed == {"monitors": reading, "configmaps": reading, "monitors/status": ["patch"]}
    (role,) = of_kind(render(VALUES["namespaced-controller-values"]), "Role")
    assert [rule["resources"] for rule in role["rules"]] == [["configmaps"]]


def test_a_controller_of_tenants_has_rights_in_their_namespaces_and_in_no_other() -> None:
    manifests = render(VALUES["tenants-values"])
    for kind in ("Role", "RoleBinding"):
        where = [one["metadata"]["namespace"] for one in of_kind(manifests, kind)]
        assert where == ["transit", "billing"]
    (account,) = {
        (who["name"], who["namespace"])
        for one in of_kind(manifests, "RoleBinding")
        for who in one["subjects"]
    }
    assert account == ("driftmeter-controller", "ml")
    (container,) = containers_of(named(manifests, "Deployment", "driftmeter-controller"))
    assert cli.parse(container["args"]).tenant == ["transit", "billing"]


def test_quotas_reach_the_server_and_the_collectors_of_tenants(tmp_path: Path) -> None:
    manifests = render(VALUES["tenants-values"])
    maps = [m for m in of_kind(manifests, "ConfigMap") if m["metadata"]["name"].endswith("-quotas")]
    assert [one["metadata"].get("namespace") for one in maps] == [None, "transit", "billing"]
    (text,) = {one["data"]["quotas.yaml"] for one in maps}
    (tmp_path / "quotas.yaml").write_text(text)
    (quotas,) = documents.load_quotas(tmp_path / "quotas.yaml")
    assert (quotas.of("transit").reports, quotas.of("transit").spool) == (1_000_000, 512 << 20)
    assert (quotas.of("operator").monitors, quotas.of("others").monitors) == (None, 20)
    (injector,) = containers_of(named(manifests, "Deployment", "driftmeter-injector"))
    told = cli.parse(injector["args"])
    assert (told.namespaced, told.quotas_config_map) == (True, maps[0]["metadata"]["name"])
    for webhook in webhooks(manifests):  # where there are none of these no pod would start
        chosen = {"key": "kubernetes.io/metadata.name", "operator": "In"}
        wanted = {**chosen, "values": ["transit", "billing"]}
        assert wanted in webhook["namespaceSelector"]["matchExpressions"]


@pytest.mark.parametrize("name", ["defaults", "tenants-values"])
def test_whoever_serves_has_the_quotas_that_there_are(name: str) -> None:
    manifests = render({**VALUES[name], "tenants": {"quotas": {"others": {"monitors": 1}}}})
    (serving,) = (
        one for _, one in containers(manifests) if {"serve", "up"} & {*one.get("args", ())}
    )
    (quotas,) = (one for one in serving["volumeMounts"] if one["name"] == "quotas")
    assert str(cli.parse([*map(str, serving["args"])]).quotas).startswith(quotas["mountPath"])


def webhooks(manifests: list[Manifest]) -> list[Any]:
    (configuration,) = of_kind(manifests, "MutatingWebhookConfiguration")
    assert configuration["metadata"]["name"] < "inferenceservice.serving.kserve.io"
    return list(configuration["webhooks"])


@pytest.mark.parametrize("name", ["everything-values", "tenants-values"])
def test_a_webhook_that_is_away_stops_nobody_and_leaves_system_namespaces_alone(name: str) -> None:
    for webhook in webhooks(render(VALUES[name])):
        assert webhook["failurePolicy"] == "Ignore"
        assert webhook["sideEffects"] == "None"
        assert webhook["timeoutSeconds"] <= 5
        (left_out,) = (
            one["values"]
            for one in webhook["namespaceSelector"]["matchExpressions"]
            if one["operator"] == "NotIn"
        )
        assert set(left_out) == {"kube-system", "kube-public", "kube-node-lease", "ml"}


def test_the_webhooks_certificate_is_the_charts_own_or_cert_managers() -> None:
    manifests = render(VALUES["everything-values"])
    own = named(manifests, "Secret", "driftmeter-injector")["data"]
    bundles = {webhook["clientConfig"]["caBundle"] for webhook in webhooks(manifests)}
    assert bundles == {own["ca.crt"]}
    manifests = render(VALUES["tenants-values"])
    (certificate,) = of_kind(manifests, "Certificate")
    assert certificate["spec"]["dnsNames"] == ["driftmeter-injector.ml.svc"]
    (configuration,) = of_kind(manifests, "MutatingWebhookConfiguration")
    annotations = configuration["metadata"]["annotations"]
    assert annotations == {"cert-manager.io/inject-ca-from": "ml/driftmeter-injector"}


def test_the_kind_stays_when_the_release_goes() -> None:
    (kind,) = of_kind(render(VALUES["everything-values"]), "CustomResourceDefinition")
    assert kind["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert kind["spec"] == yaml.safe_load(crd.PATH.read_text("utf-8"))["spec"]


def test_without_values_one_pod_is_tried_out_and_the_notes_say_so() -> None:
    manifests = render({})
    assert [m["kind"] for m in of_kind(manifests, "Deployment", "StatefulSet")] == ["StatefulSet"]
    assert "trying it out" in notes({})


def test_in_production_the_roles_run_apart_and_share_their_state() -> None:
    manifests = render(VALUES["values-production"])
    roles = {m["metadata"]["name"] for m in of_kind(manifests, "Deployment")}
    assert roles == {f"driftmeter-{role}" for role in ("aggregate", "detect", "server")}
    shared = {"DRIFTMETER_BROKER", "DRIFTMETER_DATABASE", "DRIFTMETER_STORE"}
    for one in of_kind(manifests, "Deployment"):
        (container,) = containers_of(one)
        known = shared & {variable["name"] for variable in container["env"]}
        # Who only counts has no business with the database.
        assert known == shared - (
            {"DRIFTMETER_DATABASE"} if "aggregate" in container["args"] else set()
        )


def test_loggers_have_a_collector_whose_spool_outlives_its_pod() -> None:
    manifests = render(VALUES["values-production"])
    collector = named(manifests, "StatefulSet", "driftmeter-collector")
    (container,) = containers_of(collector)
    told = cli.parse(container["args"])
    (claim,) = collector["spec"]["volumeClaimTemplates"]
    (mounted,) = (m for m in container["volumeMounts"] if m["name"] == claim["metadata"]["name"])
    assert mounted["mountPath"] == str(told.spool)
    stored = flags.size(claim["spec"]["resources"]["requests"]["storage"] + "B")
    assert told.spool_limit < stored
    assert (told.ingest_without_authentication, told.ingest_token_file) == (True, None)
    # A question and its answer are logged apart, and only one collector can pair them.
    service = named(manifests, "Service", "driftmeter-collector")["spec"]
    assert (service["sessionAffinity"], service["ports"][0]["port"]) == ("ClientIP", 9001)
    assert "driftmeter-collector" in {m["metadata"]["name"] for m in _budgets(manifests)}


def test_a_collector_asks_for_a_token_where_there_are_any_and_heeds_quotas() -> None:
    manifests = render({**VALUES["tenants-values"], "references": {**WITH_KEY}})
    (container,) = containers_of(named(manifests, "StatefulSet", "driftmeter-collector"))
    told = cli.parse(container["args"])
    assert not told.ingest_without_authentication
    mounts = {one["mountPath"] for one in container["volumeMounts"]}
    for path in (told.ingest_token_file, told.quotas, told.hash_key_file):
        assert str(path.parent) in mounts


@pytest.mark.parametrize("name", ["trial-monitors-values", "values-production"])
def test_every_port_of_a_pod_is_scraped(name: str) -> None:
    manifests = render(VALUES[name])
    (scraped,) = of_kind(manifests, "PodMonitor")
    open_ports = {port["name"] for _, one in containers(manifests) for port in one.get("ports", ())}
    assert {one["port"] for one in scraped["spec"]["podMetricsEndpoints"]} == open_ports


def _budgets(manifests: list[Manifest]) -> list[Manifest]:
    return of_kind(manifests, "PodDisruptionBudget")


def test_a_gpu_is_asked_for_with_its_toleration() -> None:
    aggregate = named(render(VALUES["hpa-gateway-values"]), "Deployment", "driftmeter-aggregate")
    spec = pod_of(aggregate)["spec"]
    assert spec["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert {t["key"] for t in spec["tolerations"]} == {"dedicated", "nvidia.com/gpu"}


def test_declared_monitors_are_what_the_command_line_accepts(tmp_path: Path) -> None:
    manifests = render(VALUES["production-monitors-values"])
    text = named(manifests, "ConfigMap", "driftmeter-monitors")["data"]["monitors.yaml"]
    path = tmp_path / "monitors.yaml"
    path.write_text(text)
    assert [monitor.name for monitor in documents.load(path)] == ["free-seats"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kafka": {"servers": ["kafka:9092"]}}, "database.secret must name"),
        (
            {"kafka": {"servers": ["kafka:9092"]}, "database": {"secret": "d"}},
            "references.store must be a URL",
        ),
        ({"database": {"secret": "d"}}, "without kafka.servers"),
        ({"kafka": {"server": ["kafka:9092"]}}, "server"),
        ({"aggregate": {"autoscaling": {"kind": "vpa"}}}, "kind"),
        ({"image": {"digest": "latest"}}, "digest"),
        ({"injector": {"enabled": True}}, "injector.enabled needs kafka.servers"),
        ({"collector": {"enabled": True}}, "collector.enabled needs kafka.servers"),
        ({"controller": {"kinds": ["pods"]}}, "kinds"),
        ({"tenants": {"quotas": {"others": {"monitor": 1}}}}, "monitor"),
        ({"tenants": {"namespaces": ["Transit"]}}, "namespaces"),
    ],
)
def test_values_that_cannot_work_are_refused_with_their_name(
    values: dict[str, Any], message: str
) -> None:
    with pytest.raises(RenderError, match=message):
        render(values)


def test_a_parent_chart_may_share_its_globals() -> None:
    assert render({"global": {"anything": 1}})


@pytest.mark.parametrize("release", ["driftmeter", "a", "x" * 53])
def test_names_fit_whatever_the_release_is_called(release: str) -> None:
    for manifest in render(VALUES["production-monitors-values"], release=release):
        assert len(manifest["metadata"]["name"]) <= 63


def test_rules_and_dashboards_reach_the_cluster_as_they_are() -> None:
    manifests = render(VALUES["values-production"])
    (rule,) = of_kind(manifests, "PrometheusRule")
    rules = yaml.safe_load((CHART / "files" / "driftmeter.rules.yaml").read_text())
    assert rule["spec"] == rules
    dashboards = named(manifests, "ConfigMap", "driftmeter-dashboards")["data"]
    packed = {path.name: path.read_text() for path in (CHART / "files/dashboards").glob("*.json")}
    assert dashboards == {name: text.rstrip() for name, text in packed.items()}


@every_values_file
def test_who_fits_references_has_the_collectors_key_where_there_is_one(
    values: dict[str, Any],
) -> None:
    references = {**values.get("references", {}), "hashKeySecret": "our-key"}
    manifests = render({**values, "references": references})
    flag = "--hash-key-file=/etc/driftmeter/hash-key/hash-key"
    fitting = [one for _, one in containers(manifests) if {"serve", "up"} & {*one.get("args", ())}]
    assert len(fitting) == 1
    assert flag in fitting[0]["args"]
    assert "hash-key" in {mount["name"] for mount in fitting[0]["volumeMounts"]}
    assert not any(flag in one.get("args", ()) for _, one in containers(render(values)))


@every_values_file
def test_helm_test_pushes_predictions_and_waits_for_their_report(values: dict[str, Any]) -> None:
    manifests = render(values)
    (hook,) = (m for m in of_kind(manifests, "Pod"))
    assert hook["metadata"]["annotations"]["helm.sh/hook"] == "test"
    told = cli.parse(hook["spec"]["containers"][0]["args"])
    beside = hook["spec"].get("initContainers", [])
    if "kafka" not in values:
        (service,) = (m for m in of_kind(manifests, "Service") if len(m["spec"]["ports"]) == 2)
        assert told.ingest == f"http://{service['metadata']['name']}:9001"
        assert not beside
    else:
        assert str(cli.parse(beside[0]["args"]).ingest) == told.ingest.removeprefix("http://")
        assert "DRIFTMETER_BROKER" in {one["name"] for one in beside[0]["env"]}
