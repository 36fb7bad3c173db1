"""One command starts each model server, with the model of `seats` on free ports of 127.0.0.1."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.real_servers import seats
from benchmarks.real_servers.environments import AGENT, OTELCOL, program
from monitor.up.supervisor import Supervisor, free_port

ROOT = Path(__file__).parents[2]
HERE = "benchmarks.real_servers"

QUIET = {
    "PYTHONPATH": str(ROOT),
    "PYTHONWARNINGS": "ignore",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "DO_NOT_TRACK": "true",
    "BENTOML_DO_NOT_TRACK": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
"""Ours are importable there, one thread is used, and nobody is told of the use."""


@dataclass(frozen=True, slots=True)
class Listening:
    """The ports of a model server; grpc is 0 where it has none."""

    http: int
    grpc: int = 0


def kserve(processes: Supervisor) -> Listening:
    """KServe's Python model server. Raises ProcessDiedError or NotReadyError, as all of these."""
    http, grpc = free_port(), free_port()
    argv = [str(program("kserve")), "-m", f"{HERE}.kserve_seats"]
    ports = ["--http_port", str(http), "--grpc_port", str(grpc)]
    ready = f"http://127.0.0.1:{http}/v2/models/{seats.NAME}/ready"
    processes.start("kserve", [*argv, *ports], ready=ready, env=QUIET)
    return Listening(http, grpc)


def mlserver(processes: Supervisor, folder: Path) -> Listening:
    """MLServer, without worker processes. folder: an empty one, for its settings."""
    http, grpc, metrics = free_port(), free_port(), free_port()
    settings = {
        "host": "127.0.0.1",
        "http_port": http,
        "grpc_port": grpc,
        "metrics_port": metrics,
        "parallel_workers": 0,
    }
    model = {"name": seats.NAME, "implementation": f"{HERE}.mlserver_seats.Seats"}
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "model-settings.json").write_text(json.dumps(model))
    argv = [str(program("mlserver").with_name("mlserver")), "start", str(folder)]
    ready = f"http://127.0.0.1:{http}/v2/models/{seats.NAME}/ready"
    processes.start("mlserver", argv, ready=ready, env=QUIET)
    return Listening(http, grpc)


def mlflow(processes: Supervisor, folder: Path) -> Listening:
    """`mlflow models serve`. folder: an empty one, for the model."""
    python, http, model = program("mlflow"), free_port(), str(folder / seats.NAME)
    env = {**QUIET, "PATH": f"{python.parent}:{os.environ['PATH']}"}  # it calls uvicorn by name
    saving = [str(python), "-m", f"{HERE}.mlflow_seats", model]
    subprocess.run(saving, check=True, capture_output=True, env={**os.environ, **env})
    argv = [str(python.with_name("mlflow")), "models", "serve", "--model-uri", model]
    where = ["--host", "127.0.0.1", "--port", str(http), "--env-manager", "local"]
    processes.start("mlflow", [*argv, *where], ready=f"http://127.0.0.1:{http}/ping", env=env)
    return Listening(http)


def bentoml(processes: Supervisor, folder: Path, logs: str | None = None) -> Listening:
    """BentoML, whose monitoring tells `logs`, a URL, by OTLP. folder: an empty one.

    Its workers lead sessions of their own: they end only if it is given the time to end them.
    """
    http = free_port()
    env = {
        **QUIET,
        "BENTOML_HOME": str(folder),
        "OTEL_BLRP_SCHEDULE_DELAY": "100",  # ms, until its log records leave
        **({} if logs is None else {"SEATS_OTLP_ENDPOINT": logs}),
    }
    argv = [str(program("bentoml").with_name("bentoml")), "serve", f"{HERE}.bentoml_seats:Seats"]
    where = ["--host", "127.0.0.1", "--port", str(http), "--working-dir", str(ROOT)]
    processes.start("bentoml", [*argv, *where], ready=f"http://127.0.0.1:{http}/readyz", env=env)
    return Listening(http)


def kserve_agent(processes: Supervisor, model: int, sink: str) -> Listening:
    """KServe's agent before the model server at the port `model`; it logs payloads to `sink`.

    It listens on an abstract socket too, whose name is fixed: there is one a machine. When told to
    stop it waits for half a minute, so `processes` should not.
    """
    http = free_port()
    argv = [
        *(str(program(AGENT)), "--port", str(http), "--component-port", str(model)),
        *("--log-url", sink, "--log-mode", "all", "--source-uri", f"{seats.NAME}-predictor-0"),
        *("--inference-service", seats.NAME, "--namespace", "models"),
        *("--component", "predictor", "--endpoint", "default"),
    ]
    env = {"SERVING_READINESS_PROBE": ""}
    processes.start("kserve_agent", argv, ready=f"tcp://127.0.0.1:{http}", env=env)
    return Listening(http)


def otelcol(processes: Supervisor, folder: Path, exported_to: str) -> Listening:
    """An OpenTelemetry Collector that takes traces by OTLP over HTTP and passes them on.

    folder: an empty one, for its settings. exported_to: URL of an OTLP endpoint over HTTP.
    """
    http = free_port()
    protocols = {"http": {"endpoint": f"127.0.0.1:{http}"}}
    exporter = {"endpoint": exported_to, "compression": "none"}
    settings = {
        "receivers": {"otlp": {"protocols": protocols}},
        "exporters": {"otlphttp": exporter},
        "service": {
            "telemetry": {"metrics": {"level": "none"}},
            "pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["otlphttp"]}},
        },
    }
    (folder / "otelcol.yaml").write_text(json.dumps(settings))
    argv = [str(program(OTELCOL)), "--config", f"file:{folder / 'otelcol.yaml'}"]
    processes.start("otelcol", argv, ready=f"tcp://127.0.0.1:{http}")
    return Listening(http)
