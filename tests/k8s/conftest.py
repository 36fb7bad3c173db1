"""A real API server for the tests of what is told to one."""

import os
import signal
from collections.abc import Callable, Iterator
from typing import NoReturn

import pytest

from monitor.spec import crd
from monitor.spec.schema import schema
from monitor.up.supervisor import Supervisor
from tests.conftest import Needs, cache_folder
from tests.support import kube_api, kube_kinds, kube_programs
from tests.support.certificates import self_signed
from tests.support.kube_api import KubeApi
from tests.support.waiting import wait_for

CONTROLLER = "system:serviceaccount:ml:driftmeter-controller"
SOMEBODY = "system:serviceaccount:ml:somebody"
TENANT = "tenant"
"""Who has a namespace, and no right beyond it."""
TENANTS = ("transit", "billing")
"""Namespaces that share an installation."""


@pytest.fixture(scope="session")
def api_server(
    servers: Supervisor,
    needs: Needs,
    not_tested: Callable[[str], NoReturn],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[KubeApi]:
    """An API server with a namespace `ml` that enforces the restricted standard on pods, and those
    of two tenants.
    """
    if not kube_programs.are_built(cache_folder()):
        not_tested("there is no API server; 'python -m tests.support.kube_programs' builds one")
    folder = tmp_path_factory.mktemp("kubernetes")
    api = kube_api.start(
        servers,
        kube_programs.folder(cache_folder()),
        folder,
        users=[CONTROLLER, SOMEBODY, TENANT],
        certificate=self_signed(needs("openssl"), folder),
    )
    restricted = {"pod-security.kubernetes.io/enforce": "restricted"}
    metadata = {"name": "ml", "labels": restricted}
    for one in (metadata, *({"name": name} for name in TENANTS)):
        api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": one})
    yield api
    api.close()


@pytest.fixture(scope="module")
def kubernetes(api_server: KubeApi, servers: Supervisor) -> Iterator[KubeApi]:
    """The API server, which is stopped while no test needs it: it is busy without being asked."""
    pids = [servers.pid(name) for name in kube_api.PROGRAMS]
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    wait_for(api_server.is_ready)
    yield api_server
    for pid in reversed(pids):
        os.kill(pid, signal.SIGSTOP)


@pytest.fixture(scope="module")
def monitors(kubernetes: KubeApi) -> KubeApi:
    """The API server, which knows the kind Monitor."""
    kubernetes.apply(crd.definition(schema()))
    wait_for(lambda: kubernetes.knows(f"{crd.GROUP}/v1"))
    return kubernetes


@pytest.fixture(scope="module")
def operators(monitors: KubeApi, not_tested: Callable[[str], NoReturn]) -> KubeApi:
    """The API server, which knows the kinds of the operators that the chart works with, too."""
    kubernetes = monitors
    if not kube_kinds.folder(cache_folder()).exists():
        not_tested("other operators' kinds are missing; 'python -m tests.support.kube_programs'")
    for kind in kube_kinds.definitions(cache_folder()):
        kubernetes.apply(kind)
        served = [one["name"] for one in kind["spec"]["versions"] if one["served"]]
        wait_for(lambda: kubernetes.knows(f"{kind['spec']['group']}/{served[0]}"))  # noqa: B023
    return kubernetes
