"""The controller between a real API server, where it has the chart's rights, and a real API."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.apply.client import Client
from monitor.spec.model import Monitor
from monitor.up.supervisor import Supervisor, free_port
from tests.k8s.conftest import CONTROLLER, SOMEBODY, TENANTS
from tests.k8s.test_monitor_resource import LEAST
from tests.support.chart import of_kind, render, values_files
from tests.support.kube_api import KubeApi, RefusedByApiError
from tests.support.waiting import wait_for

pytestmark = pytest.mark.xdist_group("kubernetes")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("controller")


@pytest.fixture(scope="module")
def api(monitors: KubeApi, data: Path) -> Iterator[Client]:
    """Driftmeter's API, and controllers that take monitors there: from namespace `ml`, and from
    those of tenants.
    """
    for values in ("everything-values", "tenants-values"):
        for one in of_kind(render(values_files()[values]), "Role", "RoleBinding"):
            monitors.apply(one)
    address, ingest = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    token = data / "token"
    token.write_text(monitors.tokens[CONTROLLER])
    with Supervisor(data / "logs", ready_timeout_s=60, stop_timeout_s=0.0) as supervisor:
        up = ["up", f"--data={data}", f"--api={address}", f"--ingest={ingest}"]
        supervisor.start("up", [*DRIFTMETER, *up], ready=f"http://{address}/readyz")
        controller = ["controller", "--every=1s", f"--api=http://{address}"]
        cluster = [f"--kubernetes={monitors.url}", f"--kubernetes-ca={monitors.authority}"]
        who = f"--kubernetes-token-file={token}"
        for name, whose in (("own", ["--namespace=ml"]), ("tenants", OF_TENANTS)):
            supervisor.start(name, [*DRIFTMETER, *controller, *whose, *cluster, who])
        with Client(f"http://{address}") as client:
            yield client


DRIFTMETER = (sys.executable, "-m", "monitor")
OF_TENANTS = [f"--tenant={name}" for name in TENANTS]


def resource(name: str, **spec: Any) -> dict[str, Any]:
    labels = {"team": "transit", "app.kubernetes.io/managed-by": "Helm"}
    return {**LEAST, "metadata": {"name": name, "labels": labels}, "spec": spec}


def status(monitors: KubeApi, one: dict[str, Any]) -> dict[str, Any]:
    found = monitors.read(one)
    assert found is not None
    return dict(found.get("status", {}))


def declared(api: Client, name: str) -> bool:
    return name in {one["name"] for one in api.monitors()}


def reference(data: Path) -> str:
    path = data / "training.csv"
    rows = "".join(f"{i % 97},{i % 5}\n" for i in range(2000))
    path.write_text("age,seats\n" + rows)
    return str(path)


def test_a_resource_is_declared_followed_changed_and_deleted(
    monitors: KubeApi, api: Client, data: Path
) -> None:
    one = resource("rides", reference=reference(data), windows=["1h"])
    monitors.apply(one)
    wait_for(lambda: status(monitors, one).get("registration") == "active")
    (condition,) = status(monitors, one)["conditions"]
    assert (condition["type"], condition["status"]) == ("Registered", "True")
    assert api.monitor("rides")["labels"] == {"team": "transit"}

    changed = {**one, "spec": {**one["spec"], "windows": ["1d"]}}
    kept = monitors.apply(changed)
    wait_for(lambda: status(monitors, one)["observedGeneration"] == kept["metadata"]["generation"])
    assert api.monitor("rides")["document"]["spec"]["windows"] == ["1d"]

    monitors.call("DELETE", monitors.path(one, "ml"))
    wait_for(lambda: monitors.read(one) is None)
    assert not declared(api, "rides")


def test_what_the_api_refuses_is_said_in_the_status_and_may_be_mended(
    monitors: KubeApi, api: Client, data: Path
) -> None:
    one = resource("wrong", reference=reference(data), windows=["2h", "3h"])
    monitors.apply(one)
    wait_for(lambda: status(monitors, one).get("registration") == "refused")
    assert "whole multiple of the shortest" in status(monitors, one)["reason"]
    assert not declared(api, "wrong")
    monitors.apply({**one, "spec": {**one["spec"], "windows": ["2h", "4h"]}})
    wait_for(lambda: status(monitors, one).get("registration") == "active")
    assert "reason" not in status(monitors, one)


def test_a_reference_that_cannot_be_read_is_said_in_the_status(
    monitors: KubeApi, api: Client
) -> None:
    one = resource("nowhere", reference="/no/such/file.csv")
    monitors.apply(one)
    wait_for(lambda: status(monitors, one).get("registration") == "failed")
    assert "no such file" in status(monitors, one)["reason"]
    assert status(monitors, one)["conditions"][0]["status"] == "False"


def test_what_was_changed_at_the_api_stays_until_the_resource_changes(
    monitors: KubeApi, api: Client, data: Path
) -> None:
    one = resource("tuned", reference=reference(data))
    monitors.apply(one)
    wait_for(lambda: status(monitors, one).get("registration") == "active")
    document = api.monitor("tuned")["document"]
    document["spec"]["sample_rows"] = 10
    api.put_monitor(Monitor.model_validate(document))
    wait_for(lambda: status(monitors, one).get("revision") == 2)
    assert api.monitor("tuned")["document"]["spec"]["sample_rows"] == 10


def config_map(name: str, *documents: dict[str, Any], text: str | None = None) -> dict[str, Any]:
    text = yaml.safe_dump_all(documents) if text is None else text
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "data": {"monitors.yaml": text, "README": "x"},
        "metadata": {"name": name, "labels": {"driftmeter.dev/monitors": "true"}},
    }


def test_a_config_map_declares_what_it_has_deletes_what_it_drops_and_takes_all_along(
    monitors: KubeApi, api: Client, data: Path
) -> None:
    first, second = (resource(name, reference=reference(data)) for name in ("buses", "trams"))
    monitors.apply(config_map("transit", first, second))
    wait_for(lambda: declared(api, "buses") and declared(api, "trams"))
    monitors.apply(config_map("transit", second))
    wait_for(lambda: not declared(api, "buses"))
    assert declared(api, "trams")
    monitors.call("DELETE", monitors.path(config_map("transit"), "ml"))
    wait_for(lambda: monitors.read(config_map("transit")) is None)
    assert not declared(api, "trams")


def test_a_config_map_with_a_fault_says_so_and_changes_nothing(
    monitors: KubeApi, api: Client
) -> None:
    wrong = config_map("wrong", resource("ferries", referense="x.csv"))
    monitors.apply(wrong)

    def refused() -> str:
        found = monitors.read(wrong) or {}
        return str(found["metadata"].get("annotations", {}).get("driftmeter.dev/refused", ""))

    wait_for(lambda: "referense" in refused())
    assert not declared(api, "ferries")


def test_each_tenant_has_a_monitor_of_the_same_name_and_is_told_of_its_own(
    monitors: KubeApi, api: Client, data: Path
) -> None:
    transit, billing = (
        {**LEAST, "metadata": {"name": "seats", "namespace": name}} for name in TENANTS
    )
    transit = {**transit, "spec": {"reference": reference(data)}}
    monitors.apply(transit)
    monitors.apply(billing)
    wait_for(lambda: status(monitors, transit).get("registration") == "active")
    wait_for(lambda: status(monitors, billing).get("registration") == "resolving")
    found = {one: api.monitor(f"{one}.seats")["status"] for one in TENANTS}
    assert found == {"transit": "active", "billing": "resolving"}
    monitors.call("DELETE", monitors.path(transit, "ml"))
    wait_for(lambda: monitors.read(transit) is None)
    names = {one["name"] for one in api.monitors()}
    assert names & {"seats", "transit.seats", "billing.seats"} == {"billing.seats"}


SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "any"}}


@pytest.mark.parametrize(
    ("user", "method", "kind", "namespace"),
    [
        (CONTROLLER, "GET", SECRET, "ml"),
        (CONTROLLER, "DELETE", LEAST, "ml"),
        (CONTROLLER, "GET", LEAST, "default"),
        (CONTROLLER, "GET", config_map("any"), "kube-system"),
        (SOMEBODY, "GET", LEAST, "ml"),
        (SOMEBODY, "GET", config_map("any"), "ml"),
    ],
)
def test_who_has_no_right_is_denied(
    user: str, method: str, kind: Any, namespace: str, monitors: KubeApi, api: Client
) -> None:
    with pytest.raises(RefusedByApiError, match="forbidden"):
        monitors.call(method, monitors.path(kind, namespace), user=user)
