"""An installation that shows it works, or how far what was pushed came."""

import sys
from typing import Any

import pytest

from monitor import cli
from monitor.apply.client import ApiError
from monitor.apply.prove import prove
from monitor.up.supervisor import Supervisor, free_port


class Api:
    """An API that answers about its one monitor what it is told to, in that order."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers = list(answers)
        self.calls: list[str] = []

    def put_monitor(self, monitor: Any) -> None:
        self.calls.append(f"put {monitor.name}")

    def monitor(self, name: str) -> dict[str, Any]:
        known = {"status": "active", "reason": None, "last_report": None}
        return {**known, **(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])}

    def delete_monitor(self, name: str) -> None:
        self.calls.append(f"delete {name}")


def proved(*answers: dict[str, Any], answered: str = "") -> Any:
    ticks = iter(range(1000))
    api: Any = Api(*answers)
    try:
        return prove(
            api,
            "proof",
            lambda: answered,
            until=3,
            clock=lambda: next(ticks),
            sleep=lambda _: None,
        )
    finally:
        assert api.calls == ["put proof", "delete proof"]


def test_it_pushes_until_a_window_is_reported() -> None:
    report = {"n_rows": 50}
    assert proved({"status": "resolving"}, {}, {"last_report": report}) == report


@pytest.mark.parametrize(
    ("found", "answered", "message"),
    [
        ({"status": "resolving"}, "503: the spool is full", "answered 503: the spool is full"),
        ({"status": "resolving"}, "", "reference is resolving. Do they reach Kafka"),
        ({"status": "failed", "reason": "no rows"}, "", r"is failed \(no rows\)"),
        ({}, "", "Do `aggregate` and `detect` run"),
    ],
)
def test_what_comes_to_no_report_is_told_with_how_far_it_came(
    found: dict[str, Any], answered: str, message: str
) -> None:
    with pytest.raises(ApiError, match=message):
        proved(found, answered=answered)


def test_a_real_installation_proves_itself_and_forgets_it(
    supervisor: Supervisor, capsys: pytest.CaptureFixture[str], tmp_path: Any
) -> None:
    api, ingest = (f"127.0.0.1:{free_port()}" for _ in range(2))
    metrics = [f"--{role}-metrics=127.0.0.1:{free_port()}" for role in ("aggregate", "detect")]
    command = ["driftmeter", "up", f"--data={tmp_path}", f"--api={api}", f"--ingest={ingest}"]
    supervisor.start("up", [sys.executable, "-m", "monitor", *command[1:], *metrics])
    supervisor.wait(f"http://{api}/readyz")
    at = ["--api", f"http://{api}"]
    assert cli.main(["prove", *at, "--ingest", f"http://{ingest}"]) == 0
    assert "predictions of" in capsys.readouterr().out
    assert cli.main(["get", *at]) == 0
    assert "proof" not in capsys.readouterr().out
    assert cli.main(["prove", *at, "--ingest", "http://127.0.0.1:1", "--wait", "1s"]) == 2
    assert "the collector answered nothing" in capsys.readouterr().err
