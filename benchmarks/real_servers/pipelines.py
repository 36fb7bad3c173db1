"""One command starts each system that is asked to retrain, on free ports of 127.0.0.1."""

import json
import os
import subprocess
from pathlib import Path

import httpx2

from benchmarks.real_servers.environments import program
from benchmarks.real_servers.starting import HERE, QUIET, ROOT
from monitor.up.supervisor import Supervisor, free_port

USER, PASSWORD = "driftmeter", "secret"
EXPERIMENT = "0"
"""MLflow's own, which is there from the beginning."""


def airflow(processes: Supervisor, folder: Path) -> str:
    """Airflow's API and scheduler; gives its URL. folder: an empty one, for its state.

    Raises ProcessDiedError or NotReadyError, as all of these.
    """
    port = free_port()
    url, passwords = f"http://127.0.0.1:{port}", folder / "passwords.json"
    passwords.write_text(json.dumps({USER: PASSWORD}))
    env = {
        **QUIET,
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "benchmarks" / "real_servers" / "airflow_dags"),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
    }
    command = str(program("airflow").with_name("airflow"))
    path = {"PATH": f"{Path(command).parent}:{os.environ['PATH']}"}  # it calls itself by name
    for preparing in (["db", "migrate"], ["dags", "reserialize"]):
        subprocess.run(
            [command, *preparing],
            check=True,
            capture_output=True,
            env={**os.environ, **env, **path},
        )
    health = f"{url}/api/v2/monitor/health"
    processes.start("airflow-api", [command, "api-server"], ready=health, env={**env, **path})
    processes.start("airflow-scheduler", [command, "scheduler"], env={**env, **path})
    return url


def prefect(processes: Supervisor, folder: Path) -> tuple[str, str]:
    """Prefect's server, and a process that serves a deployment; gives the API's URL and the id of
    the deployment once it is there. folder: an empty one, for its state."""
    port, python = free_port(), program("prefect")
    url = f"http://127.0.0.1:{port}/api"
    env = {
        **QUIET,
        "PREFECT_HOME": str(folder),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PATH": f"{python.parent}:{os.environ['PATH']}",
    }
    serving = [str(python.with_name("prefect")), "server", "start", "--no-ui"]
    where = ["--host", "127.0.0.1", "--port", str(port)]
    processes.start("prefect", [*serving, *where], ready=f"{url}/health", env=env)
    deployment = f"{url}/deployments/name/retrain/nightly"
    flow = [str(python), "-m", f"{HERE}.prefect_flow"]
    told = {**env, "PREFECT_API_URL": url, "PREFECT_RUNNER_POLL_FREQUENCY": "1"}
    processes.start("prefect-flow", flow, ready=deployment, env=told)
    return url, str(httpx2.get(deployment).json()["id"])


def mlflow_tracking(processes: Supervisor, folder: Path) -> str:
    """MLflow's tracking server; gives its URL. folder: an empty one, for its state."""
    port, command = free_port(), str(program("mlflow_tracking").with_name("mlflow"))
    url = f"http://127.0.0.1:{port}"
    env = {**QUIET, "PATH": f"{Path(command).parent}:{os.environ['PATH']}"}
    store = ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--workers", "1"]
    where = ["--host", "127.0.0.1", "--port", str(port)]
    processes.start(
        "mlflow-tracking", [command, "server", *store, *where], ready=f"{url}/health", env=env
    )
    return url
