"""`driftmeter silence` against a real API."""

from pathlib import Path

import pytest

from monitor import cli
from monitor.up.starting import Settings, start
from monitor.up.supervisor import Supervisor


@pytest.fixture
def there(tmp_path: Path, supervisor: Supervisor) -> list[str]:
    return ["--api", start(supervisor, Settings(data=tmp_path / "data")).api_url]


def test_a_silence_is_made_shown_and_ended(
    there: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    made = ["silence", "add", "monitor=seats", "--for", "2h", "--comment", "rails", *there]
    assert cli.main(made) == 0
    silence_id, state, *_ = capsys.readouterr().out.split()
    assert state == "active"
    assert cli.main(["silence", "list", *there]) == 0
    shown = capsys.readouterr().out
    assert silence_id in shown
    assert ": rails" in shown
    assert cli.main(["silence", "end", silence_id, *there]) == 0
    capsys.readouterr()
    weekly = ["--days", "sat,sun", "--from", "22:00", "--to", "02:00", "--timezone", "UTC"]
    assert cli.main(["silence", "add", "team=~a|b", *weekly, *there]) == 0
    assert "sat,sun 22:00 to 02:00 UTC" in capsys.readouterr().out
    assert cli.main(["silence", "add", "nonsense", "--for", "1h", *there]) == 2
    assert "is no matcher" in capsys.readouterr().err
