"""`driftmeter alerts` against a real server, whose monitor tells an endpoint of this test."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from alerts import webhooks
from monitor import cli
from monitor.up.starting import Settings, start
from monitor.up.supervisor import Supervisor
from tests.alerts import endpoint
from tests.monitor.up.test_command import training

SECRET = webhooks.new_secret(lambda n: b"k" * n)

DOCUMENT = """\
apiVersion: driftmeter.dev/v1
kind: Monitor
metadata: {{name: free-seats}}
spec:
  reference: training.csv
  windows: [1h]
  alerts:
    webhooks: [{{name: hook, url: "{url}/200", secret_file: {folder}/secret}}]
    channels:
      - name: topic
        kafka: {{topic: model-alerts}}
      - name: team
        slack: {{url_file: {folder}/slack}}
        template: {{title: "Look at {{monitor}}, {{owner}}", text: "{{columns}} moved"}}
"""


@pytest.fixture
def receiver() -> Iterator[endpoint.Endpoint]:
    with endpoint.listening(endpoint.by_path) as opened:
        yield opened


@pytest.fixture
def document(tmp_path: Path, receiver: endpoint.Endpoint) -> Path:
    (tmp_path / "training.csv").write_text(training())
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / "slack").write_text(f"{receiver.url}/404\n")
    path = tmp_path / "monitor.yaml"
    path.write_text(DOCUMENT.format(url=receiver.url, folder=tmp_path))
    return path


def titles(text: str) -> list[str]:
    return [line for line in text.splitlines() if "Look at" in line]


def test_a_template_is_previewed_without_a_server_or_a_secret(
    document: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (document.parent / "slack").unlink()
    assert cli.main(["alerts", "test", "team", "-f", str(document), "--print"]) == 0
    assert capsys.readouterr().out == "Look at free-seats,\n\nexample moved\n\n" * 2


def test_a_channel_of_a_file_is_tried_from_here(
    document: Path, receiver: endpoint.Endpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["alerts", "test", "hook", "-f", str(document)]) == 0
    told = [json.loads(request.body) for request in receiver.requests]
    assert [event["data"]["test"] for event in told] == [True, True]
    assert cli.main(["alerts", "test", "team", "-f", str(document)]) == 1
    assert "team: alert.firing failed (HTTP 404)" in capsys.readouterr().out
    (document.parent / "slack").unlink()
    assert cli.main(["alerts", "test", "team", "-f", str(document)]) == 2
    assert "slack cannot be used: [Errno 2]" in capsys.readouterr().err
    assert cli.main(["alerts", "test", "nobody", "-f", str(document)]) == 2
    assert "no monitor of these has a channel 'nobody'" in capsys.readouterr().err


def test_a_channel_is_tried_by_the_server_and_told_again_by_hand(
    document: Path,
    receiver: endpoint.Endpoint,
    tmp_path: Path,
    supervisor: Supervisor,
    capsys: pytest.CaptureFixture[str],
) -> None:
    there = ["--api", start(supervisor, Settings(data=tmp_path / "data")).api_url]
    assert cli.main(["apply", str(document), *there]) == 0
    assert cli.main(["alerts", "test", "hook", "--monitor", "free-seats", *there]) == 0
    assert cli.main(["alerts", "test", "topic", "--monitor", "free-seats", *there]) == 0
    assert "topic: alert.resolved delivered (acknowledged)" in capsys.readouterr().out
    assert cli.main(["alerts", "test", "team", "--monitor", "free-seats", *there]) == 1
    assert "team: alert.resolved failed (HTTP 404)" in capsys.readouterr().out
    assert cli.main(["alerts", "test", "team", "--monitor", "free-seats", "--print", *there]) == 0
    assert titles(capsys.readouterr().out) == ["Look at free-seats,"] * 2

    assert cli.main(["alerts", "deliveries", "--state", "failed", *there]) == 0
    shown = capsys.readouterr().out
    assert shown.count("alert.firing") == 1
    failed = re.findall(r"delivery_[0-9a-f]+", shown)
    (tmp_path / "slack").write_text(f"{receiver.url}/200\n")
    assert cli.main(["alerts", "redeliver", failed[0], *there]) == 0
    assert "delivered (HTTP 200)" in capsys.readouterr().out

    assert cli.main(["alerts", "endpoints", *there]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"(working|failing) +slack +free-seats/team", shown)
    [place] = set(re.findall(r"endpoint_[0-9a-f]+", shown.split("webhook")[1].splitlines()[0]))
    assert cli.main(["alerts", "enable", place, *there]) == 0
    assert f"{place} is called again; 0 waited for it" in capsys.readouterr().out
    assert cli.main(["alerts", "list", *there]) == 0
    assert cli.main(["alerts", "enable", "endpoint_0", *there]) == 2
