"""Airflow, Prefect and MLflow as their makers ship them: each really starts a run, once."""

from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import httpx2
import pytest

from alerts.delivery import Result
from alerts.guard import Guard
from alerts.retraining import starting
from alerts.retraining.lifecycle import RetrainState
from alerts.retraining.starting import Pipeline
from benchmarks.real_servers import pipelines
from monitor.spec.pipelines import Start
from monitor.up.supervisor import Supervisor
from tests.contracts.test_retraining_systems import NOW, request
from tests.servers.conftest import Installed
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("pipelines")]

LOOPBACK = Guard(allow=(ip_network("127.0.0.0/8"),))


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Supervisor]:
    with Supervisor(tmp_path / "logs", ready_timeout_s=180.0, stop_timeout_s=0.0) as started:
        yield started


def pipeline(kind: str, **settings: str) -> Pipeline:
    document = Start.model_validate({kind: settings})
    return starting.open(document.target(), LOOPBACK)


def ask_twice(asked: Pipeline) -> None:
    """As after an answer that was lost."""
    assert asked.look(request(), now=NOW) is None
    for _ in range(2):
        wait_for(lambda: is_taken(asked), timeout_s=60)


def is_taken(asked: Pipeline) -> bool:
    """A busy system may say 503 first, and is asked again, as it is by the worker."""
    outcome = asked.send(request(), now=NOW)
    assert outcome.result in {Result.DELIVERED, Result.RETRY}, outcome
    return outcome.result is Result.DELIVERED


def test_airflow_runs_the_dag_once_and_says_when_it_is_done(
    installed: Installed, processes: Supervisor, tmp_path: Path
) -> None:
    installed("airflow")
    (tmp_path / "airflow").mkdir()
    (tmp_path / "password").write_text(pipelines.PASSWORD)
    url = pipelines.airflow(processes, tmp_path / "airflow")
    asked = pipeline(
        "airflow",
        url=url,
        dag="retrain",
        username=pipelines.USER,
        password_file=str(tmp_path / "password"),
    )
    ask_twice(asked)
    wait_for(lambda: asked.look(request(), now=NOW) is RetrainState.SUCCEEDED, timeout_s=120)


def test_prefect_runs_the_flow_once_and_says_when_it_is_done(
    installed: Installed, processes: Supervisor, tmp_path: Path
) -> None:
    installed("prefect")
    url, deployment = pipelines.prefect(processes, tmp_path / "prefect")
    asked = pipeline("prefect", url=url, deployment=deployment)
    ask_twice(asked)
    runs = f"{url}/flow_runs/filter"
    wait_for(lambda: httpx2.post(runs, json={}, timeout=60).is_success, timeout_s=60)
    assert len(httpx2.post(runs, json={}, timeout=60).json()) == 1
    wait_for(lambda: asked.look(request(), now=NOW) is RetrainState.SUCCEEDED, timeout_s=120)


def test_mlflow_has_one_run_and_says_what_became_of_it(
    installed: Installed, processes: Supervisor, tmp_path: Path
) -> None:
    installed("mlflow_tracking")
    url = pipelines.mlflow_tracking(processes, tmp_path)
    asked = pipeline("mlflow", url=url, experiment_id=pipelines.EXPERIMENT)
    ask_twice(asked)
    assert asked.look(request(), now=NOW) is RetrainState.RUNNING
    api = f"{url}/api/2.0/mlflow/runs"
    wanted = {"experiment_ids": [pipelines.EXPERIMENT]}
    [run] = httpx2.post(f"{api}/search", json=wanted).json()["runs"]
    ended = {"run_id": run["info"]["run_id"], "status": "FINISHED"}
    httpx2.post(f"{api}/update", json=ended).raise_for_status()
    assert asked.look(request(), now=NOW) is RetrainState.SUCCEEDED
