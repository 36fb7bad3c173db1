"""The chart at a real API server: installed, upgraded, rolled back and removed by Helm itself."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from monitor.spec import crd
from monitor.spec.schema import schema
from tests.k8s.conftest import TENANT
from tests.support.chart import (
    WORKLOADS,
    Manifest,
    Releases,
    of_kind,
    pod_of,
    previous,
    render,
    values_files,
)
from tests.support.kube_api import KubeApi, RefusedByApiError
from tests.support.waiting import wait_for

pytestmark = pytest.mark.xdist_group("kubernetes")

VALUES = values_files()
HOOKS = ("Job", "Pod")
NOW = "2026-01-01T00:00:00Z"

every_values_file = pytest.mark.parametrize("name", VALUES)


@contextmanager
def jobs_end_well(kubernetes: KubeApi) -> Iterator[None]:
    """What a cluster's controllers and nodes would do, and are not here to."""
    over = threading.Event()
    path = "/apis/batch/v1/namespaces/ml/jobs"
    done = {
        "succeeded": 1,
        "startTime": NOW,
        "completionTime": NOW,
        "conditions": [
            {"type": kind, "status": "True", "lastTransitionTime": NOW}
            for kind in ("SuccessCriteriaMet", "Complete")
        ],
    }

    def work() -> None:
        while not over.wait(0.1):
            for job in kubernetes.call("GET", path)["items"]:
                if "completionTime" not in job["status"]:
                    kubernetes.call(
                        "PATCH",
                        f"{path}/{job['metadata']['name']}/status",
                        json={"status": done},
                        headers={"Content-Type": "application/merge-patch+json"},
                    )

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def let_go_of_monitors(operators: KubeApi) -> None:
    """What other tests left, whose finalizers wait for a controller that is gone, and with them
    the end of their kind."""
    path = f"/apis/{crd.GROUP}/v1/monitors"
    wait_for(lambda: operators.client().get(path).is_success)  # the kind may be new
    for left in operators.call("GET", path)["items"]:
        name = left["metadata"]
        operators.call(
            "PATCH",
            f"/apis/{crd.GROUP}/v1/namespaces/{name['namespace']}/monitors/{name['name']}",
            json={"metadata": {"finalizers": None}},
            headers={"Content-Type": "application/merge-patch+json"},
        )


@pytest.fixture
def without_ours(operators: KubeApi) -> Iterator[None]:
    """The kind Monitor is not there yet, as before a first release; afterwards it is again."""
    kind = crd.definition(schema())
    let_go_of_monitors(operators)
    operators.call("DELETE", operators.path(kind, "ml"))
    wait_for(lambda: operators.read(kind) is None)
    yield
    operators.apply(kind)
    wait_for(lambda: operators.knows(f"{crd.GROUP}/v1"))


@pytest.fixture(scope="module")
def releases(operators: KubeApi) -> Iterator[Releases]:
    found = Releases(operators.kubeconfig())
    with jobs_end_well(operators):
        yield found
    found.close()


def there(kubernetes: KubeApi, manifests: list[Manifest]) -> set[tuple[str, str]]:
    """Which of these exist, but for what Helm runs and deletes."""
    lasting = [one for one in manifests if one["kind"] not in HOOKS]
    return {of(one) for one in lasting if kubernetes.read(one) is not None}


def of(manifest: Manifest) -> tuple[str, str]:
    return manifest["kind"], manifest["metadata"]["name"]


def all_but_hooks(manifests: list[Manifest]) -> set[tuple[str, str]]:
    return {of(one) for one in manifests if one["kind"] not in HOOKS}


def kept(manifests: list[Manifest]) -> set[tuple[str, str]]:
    """What stays when the release goes."""
    policy = "helm.sh/resource-policy"
    return {of(one) for one in manifests if policy in one["metadata"].get("annotations", {})}


@every_values_file
def test_the_api_server_takes_every_manifest_with_nothing_in_it_that_it_does_not_know(
    name: str, operators: KubeApi
) -> None:
    for manifest in render(VALUES[name]):
        operators.apply(manifest, dry_run=True)


@pytest.mark.parametrize(
    "name", ["values-production", "values-strimzi", "everything-values", "hpa-gateway-values"]
)
def test_helm_installs_it_upgrades_it_from_the_version_before_and_removes_it(
    name: str, operators: KubeApi, releases: Releases, without_ours: None, tmp_path: Path
) -> None:
    release = f"driftmeter-{name.partition('-')[0]}"
    before = previous(tmp_path)
    old = values_files(before).get(name)
    now = render(VALUES[name], release=release)
    gone: set[tuple[str, str]] = set()
    if old is None:
        releases.install(release, VALUES[name])
    else:
        releases.install(release, old, chart=before)
        were = render(old, release=release, chart=before)
        assert there(operators, were) == all_but_hooks(were)
        releases.upgrade(release, VALUES[name])
        gone = there(operators, were) - all_but_hooks(now)
    assert there(operators, now) == all_but_hooks(now)
    assert gone == set()
    releases.uninstall(release)
    assert there(operators, now) == kept(now)


def test_helm_goes_back_to_the_version_before_and_tokens_outlive_all(
    operators: KubeApi, releases: Releases, tmp_path: Path
) -> None:
    before = previous(tmp_path)
    were, now = render({}, chart=before), render({})
    (secret,) = of_kind(now, "Secret")

    def tokens() -> Any:
        return (operators.read(secret) or {})["data"]

    releases.install("driftmeter", {}, chart=before)
    first = tokens()
    releases.upgrade("driftmeter", {})
    assert tokens() == first
    releases.rollback("driftmeter")
    assert there(operators, were) == all_but_hooks(were)
    assert tokens() == first
    releases.uninstall("driftmeter")
    releases.install("driftmeter", {})
    assert tokens() == first
    releases.uninstall("driftmeter")


@every_values_file
def test_its_pods_are_admitted_where_the_restricted_standard_is_enforced(
    name: str, kubernetes: KubeApi
) -> None:
    for workload in of_kind(render(VALUES[name]), *WORKLOADS):
        template = pod_of(workload)
        spec = {**template["spec"]}
        claims = workload["spec"].get("volumeClaimTemplates", [])
        claimed = [
            {"name": one["metadata"]["name"], "persistentVolumeClaim": {"claimName": "claim"}}
            for one in claims
        ]
        spec["volumes"] = [*spec["volumes"], *claimed]
        # Accounts and runtimes are made by controllers that are not here.
        spec.pop("runtimeClassName", None)
        metadata = {"generateName": "try-", "name": "try", "labels": template["metadata"]["labels"]}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
        kubernetes.call(
            "POST",
            kubernetes.path(pod, "ml").rpartition("/")[0],
            params={"dryRun": "All", "fieldValidation": "Strict"},
            json=pod,
        )


def test_a_pod_below_the_standard_would_have_been_refused(kubernetes: KubeApi) -> None:
    spec: dict[str, Any] = {"containers": [{"name": "c", "image": "i"}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "root"}, "spec": spec}
    with pytest.raises(RefusedByApiError, match="violates PodSecurity"):
        kubernetes.create(pod)


@pytest.fixture
def namespace_of_a_tenant(kubernetes: KubeApi) -> str:
    """A namespace, and somebody who is its administrator and nothing else."""
    name = "rented"
    kubernetes.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    # What the role `admin` is made of; who would put it together is not here.
    for part in ("admin", "edit", "view"):
        kubernetes.apply(
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "RoleBinding",
                "metadata": {"name": part},
                "roleRef": {
                    "apiGroup": "rbac.authorization.k8s.io",
                    "kind": "ClusterRole",
                    "name": f"system:aggregate-to-{part}",
                },
                "subjects": [
                    {"kind": "User", "name": TENANT, "apiGroup": "rbac.authorization.k8s.io"}
                ],
            },
            namespace=name,
        )
    return name


def test_who_has_a_namespace_and_nothing_else_can_install_it(
    kubernetes: KubeApi, namespace_of_a_tenant: str
) -> None:
    values = VALUES["namespaced-controller-values"]
    releases = Releases(kubernetes.kubeconfig(TENANT), namespace_of_a_tenant)
    try:
        releases.install("driftmeter", values)
        releases.upgrade("driftmeter", values)
        releases.uninstall("driftmeter")
        with pytest.raises(Exception, match="forbidden"):
            releases.install("driftmeter", {"crds": {"install": True}})
    finally:
        releases.close()
