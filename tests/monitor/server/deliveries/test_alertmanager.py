"""A real Alertmanager that forgets, because it is restarted, and is told again."""

import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Connection

from alerts.channels.alertmanager import EXPIRY_S
from alerts.notification import Origin, announce
from alerts.state import Alert, State, Step, Transition
from monitor.spec.channels import Channel
from monitor.sql import alerts, outbox
from monitor.sql.database import Database
from monitor.up.supervisor import Supervisor
from tests.alerts.reports import firing
from tests.conftest import Needs
from tests.monitor.server.conftest import DAY
from tests.monitor.server.deliveries.delivering import deliver
from tests.support.waiting import wait_for


@dataclass
class Alertmanager:
    program: Path
    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def running(self) -> Iterator[None]:
        configuration = self.folder / "alertmanager.yml"
        configuration.write_text("{route: {receiver: none}, receivers: [{name: none}]}")
        command = [
            *(str(self.program), f"--config.file={configuration}", "--cluster.listen-address="),
            *(f"--storage.path={self.folder}", f"--web.listen-address=127.0.0.1:{self.port}"),
        ]
        with Supervisor(self.folder / "logs", ready_timeout_s=180.0) as supervisor:
            supervisor.start("alertmanager", command, ready=f"{self.url}/-/ready")
            yield

    def n_active(self) -> int:
        with urllib.request.urlopen(f"{self.url}/api/v2/alerts", timeout=60) as answer:
            return len(json.load(answer))

    def n_taken_for_firing(self) -> float:
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=60) as answer:
            families = text_string_to_metric_families(answer.read().decode())
        samples = [one for family in families for one in family.samples]
        name = "alertmanager_alerts_received_total"
        return sum(
            one.value for one in samples if (one.name, one.labels.get("status")) == (name, "firing")
        )


@pytest.fixture
def alertmanager(needs: Needs, free_port: Callable[[], int], tmp_path: Path) -> Alertmanager:
    return Alertmanager(needs("prometheus-alertmanager"), tmp_path, free_port())


def tell(connection: Connection, alert: Alert, at: float, url: str) -> None:
    """What detect does when an alert changes."""
    transition = Transition.of(alert, alert.state, at)
    alerts.write(connection, [Step(alert, alert.ruling, (transition,))], DAY)
    told = announce(alert, transition, Origin())
    assert told is not None
    channel = Channel.model_validate({"name": "ops", "alertmanager": {"urls": [url]}})
    outbox.put(connection, "alert", [told], channel.endpoints(), now=at)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_one_that_was_restarted_knows_within_a_minute_and_no_end_is_lost(
    database: Database, alertmanager: Alertmanager
) -> None:
    now = datetime.now(UTC).timestamp() - 120  # so that its end is past, and what stands is not
    fires = replace(firing(), firing_at=now)
    over = replace(fires, state=State.RESOLVED, resolved_at=now + 61)
    with alertmanager.running():
        with database.write() as connection:
            tell(connection, fires, now, alertmanager.url)
        deliver(database, now)
        wait_for(lambda: alertmanager.n_active() == 1)
    with alertmanager.running():
        assert alertmanager.n_active() == 0
        deliver(database, now + 60)
        wait_for(lambda: alertmanager.n_active() == 1)
        with database.write() as connection:
            tell(connection, over, now + 61, alertmanager.url)
    deliver(database, now + 61)  # nobody is there to hear that it is over
    with alertmanager.running():
        deliver(database, now + 120)
        deliver(database, now + 121)
        assert alertmanager.n_active() == 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_told_no_more_expires_by_itself(
    database: Database, alertmanager: Alertmanager
) -> None:
    with alertmanager.running():
        now = datetime.now(UTC).timestamp()
        with database.write() as connection:
            tell(connection, replace(firing(), firing_at=now - 900), now - 900, alertmanager.url)
        deliver(database, now - EXPIRY_S + 5)  # as one who has told it last some four minutes ago
        assert alertmanager.n_taken_for_firing() == 1
        wait_for(lambda: alertmanager.n_active() == 0)
