import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.up.supervisor import NotReadyError, ProcessDiedError, Supervisor, free_port
from tests.support.waiting import wait_for

SERVER = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1"]
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True)"
)
WAIT = "\ntime.sleep(60)"


def test_a_free_port_is_for_him_alone_who_names_it() -> None:
    port = free_port()
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", port))
    socket.create_server(("127.0.0.1", port)).close()


def test_a_process_is_ready_when_its_url_answers(supervisor: Supervisor) -> None:
    port = free_port()
    supervisor.start("server", [*SERVER, str(port)], ready=f"http://127.0.0.1:{port}/")
    supervisor.check()


def test_a_process_is_ready_when_its_port_accepts(supervisor: Supervisor) -> None:
    port = free_port()
    supervisor.start("server", [*SERVER, str(port)], ready=f"tcp://127.0.0.1:{port}")
    supervisor.check()


def test_a_url_that_answers_404_is_not_ready(tmp_path: Path) -> None:
    port = free_port()
    with (
        Supervisor(tmp_path, ready_timeout_s=0.5) as supervisor,
        pytest.raises(NotReadyError, match=r"/nothing did not answer within 0\.5 s"),
    ):
        supervisor.start("server", [*SERVER, str(port)], ready=f"http://127.0.0.1:{port}/nothing")


def test_a_process_that_died_is_named_with_the_end_of_its_log(supervisor: Supervisor) -> None:
    supervisor.start("role", [sys.executable, "-c", "import sys; sys.exit('the disk is full')"])
    with pytest.raises(ProcessDiedError, match=r"(?s)role ended with exit code 1.*disk is full"):
        supervisor.wait(f"tcp://127.0.0.1:{free_port()}")


def test_a_process_that_dies_before_it_is_ready_ends_the_wait(supervisor: Supervisor) -> None:
    with pytest.raises(ProcessDiedError) as raised:
        supervisor.start("role", ["false"], ready=f"tcp://127.0.0.1:{free_port()}")
    assert (raised.value.name, raised.value.exit_code) == ("role", 1)


def test_a_program_that_does_not_exist_is_named(supervisor: Supervisor) -> None:
    with pytest.raises(ProcessDiedError, match="no-such-program"):
        supervisor.start("role", ["no-such-program"], ready=f"tcp://127.0.0.1:{free_port()}")


def test_a_killed_process_is_said_to_be_killed(supervisor: Supervisor) -> None:
    supervisor.start("role", ["sleep", "60"])
    os.kill(supervisor.pid("role"), signal.SIGKILL)
    with pytest.raises(ProcessDiedError, match="was ended by SIGKILL"):
        supervisor.wait(f"tcp://127.0.0.1:{free_port()}")


def test_variables_are_added_to_the_environment(supervisor: Supervisor) -> None:
    code = "import os, time; print(os.environ['COLOUR'], 'PATH' in os.environ, flush=True)" + WAIT
    supervisor.start("role", [sys.executable, "-c", code], env={"COLOUR": "blue"})
    wait_for(lambda: supervisor.log("role").read_text() == "blue True\n")


def test_leaving_the_block_ends_every_process_the_last_first(tmp_path: Path) -> None:
    ends = tmp_path / "ends"
    code = (
        "import signal, sys, time\n"
        "def end(*_): open(sys.argv[1], 'a').write(sys.argv[2]); sys.exit()\n"
        "signal.signal(signal.SIGTERM, end); print('up', flush=True)" + WAIT
    )
    with Supervisor(tmp_path / "logs") as supervisor:
        for name in "abc":
            supervisor.start(name, [sys.executable, "-c", code, str(ends), name])
            wait_for(lambda name=name: supervisor.log(name).read_text() == "up\n")  # type: ignore[misc]  # mypy does not infer lambdas with defaults
    assert ends.read_text() == "cba"


def test_a_process_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    with Supervisor(tmp_path, stop_timeout_s=0.2) as supervisor:
        supervisor.start("stubborn", [sys.executable, "-c", STUBBORN + WAIT])
        wait_for(lambda: supervisor.log("stubborn").read_text() == "1\n")
        pid = supervisor.pid("stubborn")
    assert not alive(pid)


@pytest.mark.skipif(
    sys.platform != "linux", reason="NOT TESTED: only Linux ties a process to its parent"
)
def test_processes_die_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys, time\n"
        "from monitor.up.supervisor import Supervisor\n"
        "supervisor = Supervisor(pathlib.Path(sys.argv[1])).__enter__()\n"
        "supervisor.start('child', ['sleep', '60'])\n"
        "print(supervisor.pid('child'), flush=True)" + WAIT
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        wait_for(lambda: Path(f"/proc/{child}/comm").read_text() == "sleep\n")
        parent.kill()
    wait_for(lambda: not alive(child))


def alive(pid: int) -> bool:
    """A zombie is dead: it waits for a parent that may never look."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False
