"""Network policies against what pods are told: what they do is allowed, and nothing else."""

import re
from typing import Any

import pytest

from tests.support.chart import (
    WORKLOADS,
    Json,
    Manifest,
    component_of,
    containers_of,
    of_kind,
    render,
    values_files,
)

VALUES = values_files()

every_values_file = pytest.mark.parametrize("values", VALUES.values(), ids=VALUES.keys())

OF_VARIABLES = {"DRIFTMETER_DATABASE": 5432, "DRIFTMETER_STORE": 443}
OF_COMMANDS = {"serve": {443}, "up": {443}, "controller": {443, 6443}}
ADDRESSED = ("DRIFTMETER_BROKER", "OTEL_EXPORTER_OTLP_ENDPOINT")


def calls(container: Json) -> set[int]:
    """Ports that a container calls, by what it is told."""
    args = [str(arg) for arg in container["args"]]
    told = {one["name"]: str(one.get("value", "")) for one in container.get("env", ())}
    addresses = [told.get(name, "") for name in ADDRESSED]
    addresses += [arg for arg in args if re.match(r"--(api|ingest)=http://(?!127)", arg)]
    found = {int(port) for text in addresses for port in re.findall(r":(\d+)", text)}
    return (
        found
        | {OF_VARIABLES[name] for name in told.keys() & OF_VARIABLES}
        | OF_COMMANDS.get(args[0], set())
    )


def policies(manifests: list[Manifest]) -> dict[str, Any]:
    """The one policy of each component, beside that which denies."""
    own = [one["spec"] for one in of_kind(manifests, "NetworkPolicy")]
    of = [
        (one["podSelector"]["matchLabels"].get("app.kubernetes.io/component"), one) for one in own
    ]
    return {component: policy for component, policy in of if component}


def ports(rules: list[Any]) -> set[int]:
    return {port["port"] for rule in rules for port in rule["ports"]}


@every_values_file
def test_all_traffic_of_every_pod_is_denied_at_first(values: Json) -> None:
    manifests = render(values)
    (deny,) = (
        one["spec"]
        for one in of_kind(manifests, "NetworkPolicy")
        if one["metadata"]["name"] == "driftmeter-deny"
    )
    assert deny.keys() == {"podSelector", "policyTypes"}
    assert deny["policyTypes"] == ["Ingress", "Egress"]
    for workload in of_kind(manifests, *WORKLOADS):
        labels = {*workload.get("spec", {}).get("template", workload)["metadata"]["labels"].items()}
        assert deny["podSelector"]["matchLabels"].items() <= labels


@every_values_file
def test_a_pod_may_call_where_it_is_told_to_and_nowhere_else(values: Json) -> None:
    manifests = render(values)
    workloads = of_kind(manifests, *WORKLOADS)
    assert policies(manifests).keys() == {component_of(one) for one in workloads}
    for workload in workloads:
        wanted = set[int]().union(*map(calls, containers_of(workload)))
        allowed = ports(policies(manifests)[component_of(workload)].get("egress", []))
        assert allowed == (wanted | {53} if wanted else set()), component_of(workload)


@every_values_file
def test_a_pod_is_reached_where_it_listens_and_nowhere_else(values: Json) -> None:
    manifests = render(values)
    for workload in of_kind(manifests, *WORKLOADS):
        open_ports = {
            port["containerPort"]
            for container in containers_of(workload)
            for port in container.get("ports", ())
        }
        policy = policies(manifests)[component_of(workload)]
        assert ports(policy.get("ingress", [])) == open_ports


@every_values_file
def test_who_of_ours_calls_the_api_is_let_in_whoever_else_may_call_it(values: Json) -> None:
    values = {**values, "networkPolicy": {"ingressFrom": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}}
    manifests = render(values)
    callers = {
        component_of(workload)
        for workload in of_kind(manifests, *WORKLOADS)
        for container in containers_of(workload)
        if any(str(arg).startswith("--api=http://") for arg in container["args"])
    }
    served = [
        rule["from"]
        for policy in policies(manifests).values()
        for rule in policy.get("ingress", ())
        if ports([rule]) & {8600} and "from" in rule
    ]
    let_in = {
        peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
        for peer in served[0]
        if "podSelector" in peer
    }
    assert let_in == callers
    assert {"ipBlock": {"cidr": "10.0.0.0/8"}} in served[0]


def test_prometheus_is_let_in_to_the_metrics_alone() -> None:
    manifests = render(VALUES["values-production"])
    monitoring = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}
    }
    for component, open_port in (("aggregate", 9102), ("detect", 9103), ("server", 8600)):
        rules = policies(manifests)[component]["ingress"]
        assert ports([one for one in rules if monitoring in one["from"]]) == {open_port}


def test_rows_come_from_where_models_are_and_from_nowhere_else() -> None:
    (rule, scraped) = policies(render(VALUES["values-production"]))["collector"]["ingress"]
    models = {"namespaceSelector": {"matchLabels": {"driftmeter.dev/models": "true"}}}
    assert (rule["from"], ports([rule])) == ([models], {9001})
    assert models not in scraped["from"]


def test_where_a_flow_ends_can_be_named() -> None:
    """Kafka's own namespace in production; whoever listens on PostgreSQL's port."""
    rules = policies(render(VALUES["values-production"]))["detect"]["egress"]
    (kafka,) = (one for one in rules if ports([one]) == {9093})
    assert kafka["to"] == [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kafka"}}}
    ]
    assert all("to" not in one for one in rules if ports([one]) == {5432})
