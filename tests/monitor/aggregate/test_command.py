import argparse
from pathlib import Path
from urllib.request import urlopen

import pytest

from monitor import cli
from monitor.aggregate.command import dead_letter_limit
from monitor.aggregate.limits import DeadLetterLimit
from monitor.kafka.connecting import Broker
from tests.support.roles import running


def test_a_role_shows_its_metrics_and_ends_when_it_is_told_to(
    embedded_broker: Broker, tmp_path: Path
) -> None:
    flags = ("--store", str(tmp_path / "store"))
    with (
        running("aggregate", embedded_broker, tmp_path / "log", *flags) as address,
        urlopen(f"{address}/metrics", timeout=60) as response,
    ):
        assert b"driftmeter_aggregate_segments_total 0.0" in response.read()


def test_a_device_that_is_not_to_be_had_is_named_at_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["aggregate", "--device", "abacus"]) == 2
    assert "device 'abacus'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("none", None),
        ("7", DeadLetterLimit(run=7, ratio=1.0)),
        ("20,0.5", DeadLetterLimit(run=20, ratio=0.5)),
    ],
)
def test_a_limit_of_dead_letters_is_a_run_and_a_ratio(
    text: str, limit: DeadLetterLimit | None
) -> None:
    assert dead_letter_limit(text) == limit


@pytest.mark.parametrize("text", ["", "0", "-1", "5,2", "5,-1", "x", "5,x", "nan,1"])
def test_what_is_no_limit_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="RUN,RATIO"):
        dead_letter_limit(text)
