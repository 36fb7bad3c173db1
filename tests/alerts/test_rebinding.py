"""A name that changes its mind, through the system's resolver and a DNS server of this test.

All in a network namespace of a child process, where both addresses that the name ever has are up
and listened to: a public one, which is allowed, and loopback, where nobody may ever arrive.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from tests.alerts import rebinding
from tests.conftest import Needs


@pytest.fixture(scope="module")
def seen(
    needs: Needs,
    not_tested: Callable[[str], NoReturn],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, list[str]]:
    """What came of each name, and who was called: see `tests.alerts.rebinding`."""
    folder = tmp_path_factory.mktemp("namespace")
    (folder / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    (folder / "nsswitch.conf").write_text("hosts: dns\n")
    script = "\n".join(
        [
            "set -e",
            f"mount --bind {folder}/resolv.conf $(realpath /etc/resolv.conf)",
            f"mount --bind {folder}/nsswitch.conf /etc/nsswitch.conf",
            f"{needs('ip')} link set lo up",
            f"{needs('ip')} address add {rebinding.PUBLIC}/32 dev lo",
            f"exec {sys.executable} -m tests.alerts.rebinding",
        ]
    )
    namespaces = [str(needs("unshare")), "--user", "--map-root-user", "--net", "--mount"]
    ran = subprocess.run(
        [*namespaces, "sh", "-c", script],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    if "Operation not permitted" in ran.stderr:
        not_tested("this machine gives no namespaces")
    assert ran.returncode == 0, ran.stderr
    found: dict[str, list[str]] = json.loads(ran.stdout)
    return found


def test_a_name_that_is_public_when_asked_and_local_when_called_is_called_where_it_was_public(
    seen: dict[str, list[str]],
) -> None:
    assert seen["rebind.example"] == ["delivered", "failed", "failed"]


@pytest.mark.parametrize("name", rebinding.LOCAL)
def test_no_record_leads_to_a_local_address(name: str, seen: dict[str, list[str]]) -> None:
    assert seen[name] == ["failed"] * 3


def test_a_name_that_is_nowhere_may_be_somewhere_later(seen: dict[str, list[str]]) -> None:
    assert seen["nowhere.example"] == ["retry"] * 3


def test_nobody_arrives_at_a_local_address(seen: dict[str, list[str]]) -> None:
    assert set(seen["called"]) == {rebinding.PUBLIC}
    assert len(seen["called"]) == 1 + 3
