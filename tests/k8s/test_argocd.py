"""Argo CD's view of a Monitor, by the script that it would run, on a real Lua."""

from pathlib import Path
from typing import Any

import lupa
import pytest
import yaml

from monitor.controller.status import of_answer, of_refusal
from tests.monitor.controller.test_status import AT, answer

PATH = Path(__file__).parents[2] / "k8s" / "argocd" / "monitor-health.yaml"


def health(status: dict[str, Any] | None, generation: int = 3) -> tuple[str, str]:
    data = yaml.safe_load(PATH.read_text("utf-8"))["data"]
    script = data["resource.customizations.health.driftmeter.dev_Monitor"]
    lua = lupa.LuaRuntime()
    resource = {"metadata": {"generation": generation}, "status": status}
    lua.globals().obj = lua.table_from(resource, recursive=True)
    found = lua.execute(script)
    return found.status, found.message


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (None, ("Progressing", "waiting for the controller")),
        (of_answer(answer(), before={}, **AT), ("Healthy", "It is being watched.")),
        (
            of_answer(answer("resolving"), before={}, **AT),
            ("Progressing", "Its reference is being fitted."),
        ),
        (
            of_answer(answer("failed", reason="no such file"), before={}, **AT),
            ("Degraded", "no such file"),
        ),
        (of_refusal("windows: …", before={}, **AT), ("Degraded", "windows: …")),
        (
            of_answer(answer(alert={"state": "firing"}), before={}, **AT),
            ("Healthy", "the alert is firing"),
        ),
    ],
)
def test_a_monitor_is_as_healthy_as_its_status_says(
    status: dict[str, Any] | None, expected: tuple[str, str]
) -> None:
    assert health(status) == expected


def test_a_status_of_an_earlier_generation_says_nothing_of_this_one() -> None:
    assert health(of_answer(answer(), before={}, **AT), generation=4)[0] == "Progressing"
