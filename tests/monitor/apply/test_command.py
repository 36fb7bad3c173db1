"""apply, get and delete against a real API that asks for a token."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor import cli
from monitor.flags import Address
from monitor.up.starting import Settings, start
from monitor.up.supervisor import Supervisor
from tests.monitor.up.test_command import MONITOR, TOKEN, training


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("api") / "tokens"
    path.write_text(f"# the first one counts\n{TOKEN}\nanother-token-of-24-characters\n")
    return path


@pytest.fixture(scope="module")
def api(tokens: Path) -> Iterator[str]:
    data = tokens.parent / "data"
    settings = Settings(data=data, api=Address("0.0.0.0", 0), token_file=tokens)
    with Supervisor(data / "logs", ready_timeout_s=60.0, stop_timeout_s=0.0) as supervisor:
        yield start(supervisor, settings).api_url


def test_a_monitor_is_declared_shown_and_deleted(
    api: str, tokens: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "training.csv").write_text(training())
    (tmp_path / "monitor.yaml").write_text(
        MONITOR.replace("training.csv", str(tmp_path / "training.csv"))
    )
    there = ["--api", api, "--token-file", str(tokens)]
    assert cli.main(["apply", str(tmp_path / "monitor.yaml"), *there]) == 0
    assert cli.main(["apply", str(tmp_path / "monitor.yaml"), *there]) == 0
    assert capsys.readouterr().out == "free-seats revision 1 active\n" * 2
    assert cli.main(["get", *there]) == 0
    assert "free-seats" in capsys.readouterr().out
    changed = (tmp_path / "monitor.yaml").read_text().replace("[1h]", "[1h], lateness: 7m")
    (tmp_path / "monitor.yaml").write_text(changed)
    assert cli.main(["apply", str(tmp_path / "monitor.yaml"), *there]) == 0
    capsys.readouterr()
    assert cli.main(["history", "free-seats", *there]) == 0
    told = capsys.readouterr().out.splitlines()
    assert (told[0][:10], told[-1][:10]) == ("revision 2", "revision 1")
    assert told[1:-1] == ["    spec.lateness: not given → 7m"]
    assert cli.main(["pause", "free-seats", *there]) == 0
    assert cli.main(["resume", "free-seats", *there]) == 0
    told_of = capsys.readouterr().out
    assert told_of == "free-seats revision 3 paused\nfree-seats revision 4 resumed\n"
    assert cli.main(["delete", "free-seats", *there]) == 0
    assert cli.main(["get", "free-seats", *there]) != 0


SUBSCRIPTION = """
apiVersion: driftmeter.dev/v1
kind: RetrainSubscription
metadata: {name: nightly}
spec:
  select: {labels: {team: transit}}
  cooldown: 3d
"""


def test_a_subscription_is_a_document_as_a_monitor_is(
    api: str, tokens: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "training.csv").write_text(training())
    both = tmp_path / "both.yaml"
    document = MONITOR.replace("free-seats", "free-berths")
    both.write_text(f"{document}---{SUBSCRIPTION}")
    there, kind = ["--api", api, "--token-file", str(tokens)], ["--kind", "RetrainSubscription"]
    assert cli.main(["validate", str(both)]) == 0
    assert cli.main(["apply", str(both), *there]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == f"{both}: all right: free-berths, nightly"
    assert told[1:] == ["free-berths revision 1 active", "nightly subscribed"]
    assert cli.main(["get", *kind, *there]) == 0
    assert capsys.readouterr().out == "NAME     MONITORS\nnightly  team=transit\n"
    assert cli.main(["get", "nightly", "--json", *kind, *there]) == 0
    assert '"cooldown": "3d"' in capsys.readouterr().out
    assert cli.main(["delete", "nightly", *kind, *there]) == 0
    assert cli.main(["get", "nightly", *kind, *there]) == 2


def test_without_a_token_it_is_said_that_one_is_needed(
    api: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["get", "--api", api]) == 2
    assert "Authorization: Bearer" in capsys.readouterr().err
