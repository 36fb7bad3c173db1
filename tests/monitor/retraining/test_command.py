"""`driftmeter retrain` against a real server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor import cli
from monitor.retraining import records
from monitor.sql import registry
from monitor.sql.database import open_database
from monitor.up.starting import Settings, start
from monitor.up.supervisor import Supervisor
from tests.monitor.retraining.days import NOW, Days, monitor

SUBSCRIPTION = """\
apiVersion: driftmeter.dev/v1
kind: RetrainSubscription
metadata: {name: nightly}
spec:
  select: {labels: {team: transit}}
  start: {http: {url: https://pipelines.example, token_file: token}}
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def there(data: Path) -> Iterator[tuple[str, str]]:
    """The flags that name the server of a folder."""
    with Supervisor(data / "logs", ready_timeout_s=180.0, stop_timeout_s=0.0) as supervisor:
        yield "--api", start(supervisor, Settings(data=data)).api_url


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(["retrain", *arguments]) == 0
    return capsys.readouterr().out


def test_a_retrain_is_approved_told_of_and_explained(
    data: Path, there: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    watched = monitor({"approval": True})
    database = open_database(f"sqlite:///{data / 'driftmeter.db'}")
    with database.write() as connection:
        registry.put(connection, watched, NOW)
    Days(database, watched).drift()
    with database.read() as connection:
        [record] = records.latest(connection)
    assert "awaiting_approval" in run(capsys, "list", *there)
    assert run(capsys, "approve", record.id, *there).endswith("free-seats is requested\n")
    promoted = ("promoted", "--model-version", "7")
    assert run(capsys, "tell", record.id, *promoted, *there).endswith("is promoted\n")
    assert run(capsys, "tell", record.id, *promoted, *there).endswith("as was known\n")
    assert '"model_version": "7"' in run(capsys, "show", record.id, *there)
    assert "awaiting approval" in run(capsys, "why", "--monitor", "free-seats", *there)
    assert cli.main(["retrain", "reject", record.id, *there]) == 2
    assert "it is promoted" in capsys.readouterr().err
    database.engine.dispose()


def test_a_subscription_is_declared_from_a_file(
    tmp_path: Path, there: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "nightly.yaml").write_text(SUBSCRIPTION)
    subscribed = run(capsys, "subscribe", str(tmp_path / "nightly.yaml"), *there)
    assert subscribed == "nightly subscribed\n"
    assert str(tmp_path / "token") in run(capsys, "subscriptions", *there)
    assert run(capsys, "unsubscribe", "nightly", *there) == "nightly unsubscribed\n"
    assert run(capsys, "subscriptions", *there) == "[]\n"


def test_a_fault_in_a_subscription_is_told_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "nightly.yaml"
    path.write_text(SUBSCRIPTION.replace("  select", "  windows: 5 of 3\n  select"))
    assert cli.main(["retrain", "subscribe", str(path)]) == 2
    assert "nightly.yaml:5:" in capsys.readouterr().err
