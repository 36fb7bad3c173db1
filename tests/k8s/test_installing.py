"""The chart, installed and upgraded at a real API server, as Helm does it: by server-side apply."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.k8s.test_chart import NOT_KUBERNETES, VALUES, WORKLOADS, of_kind, pod_of
from tests.support.chart import CHART, Manifest, render
from tests.support.kube_api import KubeApi, RefusedByApiError

pytestmark = pytest.mark.xdist_group("kubernetes")

every_values_file = pytest.mark.parametrize("name", VALUES)


def install(kubernetes: KubeApi, manifests: list[Manifest]) -> None:
    """Without what others define: no operator is here."""
    for manifest in manifests:
        if not manifest["apiVersion"].startswith(NOT_KUBERNETES):
            kubernetes.apply(manifest)


@every_values_file
def test_the_api_server_takes_every_manifest_with_nothing_in_it_that_it_does_not_know(
    name: str, kubernetes: KubeApi
) -> None:
    install(kubernetes, render(VALUES[name], release=f"driftmeter-{name.partition('-')[0]}"))


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


@every_values_file
def test_the_next_version_of_the_chart_goes_over_this_one(
    name: str, kubernetes: KubeApi, tmp_path: Path
) -> None:
    """What may not change, such as selectors, has no version in it."""
    release = f"driftmeter-next-{name.partition('-')[0]}"
    install(kubernetes, render(VALUES[name], release=release))
    following = shutil.copytree(CHART, tmp_path / "driftmeter")
    about = (following / "Chart.yaml").read_text().replace("ersion: 0.1.0", "ersion: 0.2.0")
    (following / "Chart.yaml").write_text(about)
    manifests = render(VALUES[name], release=release, chart=following)
    versions = {one["metadata"]["labels"]["app.kubernetes.io/version"] for one in manifests}
    assert versions == {"0.2.0"}
    jobs = of_kind(manifests, "Job", "Pod")  # hooks, which Helm deletes first
    install(kubernetes, [one for one in manifests if one not in jobs])
