"""All of Driftmeter as its pods run it: not root, no capabilities, one folder to write to."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from monitor import cli
from monitor.up.supervisor import Supervisor, free_port
from tests.conftest import Needs
from tests.support.long import LONG

TESTS = Path(__file__).parents[1]
SCRIPT = TESTS / "support" / "restricted.sh"

PROBE = """
import os
status = dict(line.rstrip().split(":", 1) for line in open("/proc/self/status"))
assert os.getuid() == os.getgid() == 65534 and not os.getgroups()
assert int(status["CapBnd"], 16) == int(status["CapEff"], 16) == 0
assert status["NoNewPrivs"].strip() == "1"
for path in ("/tmp/x", os.path.abspath("x"), "/etc/x"):
    try:
        open(path, "w")
    except OSError:
        continue
    raise SystemExit(path + " can be written")
"""


@pytest.fixture
def restricted(
    needs: Needs, not_tested: Callable[[str], NoReturn]
) -> Iterator[Callable[..., list[str]]]:
    """Makes a command line one that runs restricted; `{folder}` in it is where it may write."""
    if os.geteuid() != 0:
        not_tested("only root can make a process that can do as little as a pod's")
    with tempfile.TemporaryDirectory(prefix="driftmeter-restricted-") as folder:
        Path(folder).chmod(0o755)  # others may enter: it is another user who does

        def make(*command: str) -> list[str]:
            within = [str(needs("unshare")), "--mount", "bash", str(SCRIPT), folder]
            return [*within, sys.executable, *(one.replace("{folder}", folder) for one in command)]

        yield make


def test_everything_runs_and_proves_itself(
    restricted: Callable[..., list[str]],
    supervisor: Supervisor,
    capsys: pytest.CaptureFixture[str],
) -> None:
    api, ingest = (f"127.0.0.1:{free_port()}" for _ in range(2))
    metrics = [f"--{role}-metrics=127.0.0.1:{free_port()}" for role in ("aggregate", "detect")]
    flags = ["--data={folder}/data", f"--api={api}", f"--ingest={ingest}", *metrics]
    supervisor.start("up", restricted("-m", "monitor", "up", *flags))
    supervisor.wait(f"http://{api}/readyz")
    assert cli.main(["prove", "--api", f"http://{api}", "--ingest", f"http://{ingest}"]) == 0
    assert "were reported" in capsys.readouterr().out


def test_it_was_as_restricted_as_that(restricted: Callable[..., list[str]]) -> None:
    subprocess.run(restricted("-c", PROBE), check=True, timeout=60)


ROLES = [f"{role}/test_command.py" for role in ("aggregate", "collector", "detect", "server")]


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "tests", [["spool"], pytest.param(ROLES, marks=LONG)], ids=["spool", "roles"]
)
def test_tests_of_its_own_pass(tests: list[str], restricted: Callable[..., list[str]]) -> None:
    """What writes to the disk, and how each role begins, serves and ends; `make test-restricted`
    runs all there are."""
    paths = [str(TESTS / "monitor" / one) for one in tests]
    command = restricted("-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", *paths)
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=TESTS.parent)
    assert ended.returncode == 0, ended.stdout
