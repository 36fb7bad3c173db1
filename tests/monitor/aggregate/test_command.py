from pathlib import Path
from urllib.request import urlopen

import kafka
import pytest

from monitor import cli
from monitor.aggregate.command import _check_partitions
from monitor.embedded import fresh_prefix
from monitor.kafka import Broker
from monitor.messages import Topics
from monitor.publishing import Publisher
from monitor.records import TopicsError
from tests.support.roles import running


def test_labels_need_as_many_partitions_as_predictions(embedded_broker: Broker) -> None:
    publisher = Publisher(embedded_broker, client_id="t")
    _check_partitions(embedded_broker.topics, publisher)
    uneven = Topics(fresh_prefix())
    admin = kafka.KafkaAdminClient(bootstrap_servers=list(embedded_broker.servers))
    for topic, n in ((uneven.predictions, 2), (uneven.labels, 3)):
        layout = {"num_partitions": n, "replication_factor": 1}
        admin.create_topics({topic: layout}, wait_for_metadata=True)
    admin.close()
    with pytest.raises(TopicsError, match=r"2 partitions and .* 3"):
        _check_partitions(uneven, publisher)
    publisher.close()


def test_a_role_shows_its_metrics_and_ends_when_it_is_told_to(
    embedded_broker: Broker, tmp_path: Path
) -> None:
    flags = ("--store", str(tmp_path / "store"))
    with (
        running("aggregate", embedded_broker, tmp_path / "log", *flags) as address,
        urlopen(f"{address}/metrics", timeout=5) as response,
    ):
        assert b"driftmeter_aggregate_segments_total 0.0" in response.read()


def test_a_device_that_is_not_to_be_had_is_named_at_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["aggregate", "--device", "abacus"]) == 2
    assert "device 'abacus'" in capsys.readouterr().err
