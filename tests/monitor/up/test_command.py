import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx2

from monitor.flags import Address
from monitor.up.starting import Settings, start
from monitor.up.supervisor import Supervisor, free_port
from tests.monitor.up.test_supervisor import alive
from tests.support.grpc_model import GrpcModel, channel, infer
from tests.support.waiting import wait_for

ANY_PORTS = ["listen", "ingest", "api", "aggregate-metrics", "detect-metrics"]
TOKEN = "a-token-of-24-characters-or-more"
MONITOR = """\
apiVersion: driftmeter.dev/v1
kind: Monitor
metadata: {name: free-seats}
spec: {reference: training.csv, windows: [1h]}
"""
SUBSCRIPTION = """\
---
apiVersion: driftmeter.dev/v1
kind: RetrainSubscription
metadata: {name: nightly}
spec: {dry_run: true}
"""


def test_everything_is_ready_where_it_was_told_to_be_when_start_returns(
    tmp_path: Path, supervisor: Supervisor
) -> None:
    kept = Address("127.0.0.1", free_port())
    with closing(GrpcModel(lambda message, _: message[::-1])) as model:
        settings = Settings(data=tmp_path / "data", api=kept, grpc_upstream=model.address)
        addresses = start(supervisor, settings)
        assert addresses.api == kept
        assert addresses.ingest.port > 0, "port 0 is a free one"
        for url in addresses.metrics_urls.values():
            assert "# HELP" in httpx2.get(url).text
        assert httpx2.get(addresses.api_url).status_code == 200
        with channel(addresses.grpc_listen) as over:
            assert infer(over, b"rows") == b"swor"
    supervisor.check()


def test_documents_are_declared_and_sigterm_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "training.csv").write_text(training())
    (tmp_path / "monitor.yaml").write_text(MONITOR + SUBSCRIPTION)
    with up(tmp_path, "-f", "monitor.yaml") as process:
        shown = printed(process, until_line="Ctrl-C stops everything.")
        assert "free-seats: revision 1 is active" in shown
        assert "nightly: subscribed to retrains" in shown
        children = pids(process.pid)
        assert len(children) == 5
        process.terminate()
        assert process.wait(60) == 0
    wait_for(lambda: not any(alive(pid) for pid in children))


def test_a_role_that_dies_stops_everything_and_is_named(tmp_path: Path) -> None:
    with up(tmp_path) as process:
        printed(process, until_line="Ctrl-C stops everything.")
        children = pids(process.pid)
        os.kill(child(process.pid, "detect"), signal.SIGKILL)
        assert process.wait(60) == 1
        assert process.stderr is not None
        assert "driftmeter: detect was ended by SIGKILL" in process.stderr.read()
    wait_for(lambda: not any(alive(pid) for pid in children))


def test_ctrl_c_exits_130(tmp_path: Path) -> None:
    with up(tmp_path) as process:
        printed(process, until_line="starting …")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130


def test_a_faulty_document_starts_nothing(tmp_path: Path) -> None:
    (tmp_path / "monitor.yaml").write_text(MONITOR.replace("windows", "window"))
    with up(tmp_path, "-f", "monitor.yaml") as process:
        assert process.wait(60) == 2
        assert process.stderr is not None
        assert "did you mean 'windows'?" in process.stderr.read()
    assert not (tmp_path / "driftmeter-data").exists()


def training() -> str:
    return "boarded,prediction\n" + "".join(f"{i % 7},{i % 11}.5\n" for i in range(500))


@contextmanager
def up(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    ports = [word for flag in ANY_PORTS for word in (f"--{flag}", "127.0.0.1:0")]
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "monitor", "up", *ports, *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def printed(process: subprocess.Popen[str], *, until_line: str) -> str:
    assert process.stdout is not None
    shown = ""
    for line in process.stdout:
        shown += line
        if line.strip() == until_line:
            return shown
    raise AssertionError(f"ended early:\n{shown}")


def pids(parent: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def child(parent: int, role: str) -> int:
    return next(p for p in pids(parent) if role in Path(f"/proc/{p}/cmdline").read_text())
