import argparse

import pytest

from monitor import flags
from monitor.flags import Address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9000", Address("127.0.0.1", 9000)),
        ("localhost:0", Address("localhost", 0)),
        (":9000", Address("127.0.0.1", 9000)),
        ("[::1]:9000", Address("::1", 9000)),
    ],
)
def test_an_address_is_a_host_and_a_port(text: str, address: Address) -> None:
    assert Address.parse(text) == address


@pytest.mark.parametrize("text", ["", "9000", "host", "host:", "host:http", "host:65536", "h:-1"])
def test_what_is_no_address_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=r"such as 127\.0\.0\.1:9000"):
        Address.parse(text)


@pytest.mark.parametrize("text", ["127.0.0.1:9000", "[::1]:9000"])
def test_an_address_is_written_as_it_is_read(text: str) -> None:
    assert str(Address.parse(text)) == text


def test_flags_win_over_the_environment_and_the_environment_over_defaults() -> None:
    environment = {"DRIFTMETER_BROKER": "kafka:9092", "DRIFTMETER_TOPIC_PREFIX": "team."}
    parser = argparse.ArgumentParser()
    flags.add_broker(parser, environment)
    broker = flags.broker(parser.parse_args(["--topic-prefix", "mine.", "--broker", "a:1,b:2"]))
    assert (broker.servers, broker.topics.prefix) == (("a:1", "b:2"), "mine.")
    broker = flags.broker(parser.parse_args([]))
    assert (broker.servers, broker.topics.prefix) == (("kafka:9092",), "team.")
    assert broker.session_timeout_s == 45.0


def test_store_database_and_metrics_have_defaults_that_work() -> None:
    parser = argparse.ArgumentParser()
    flags.add_store(parser, {})
    flags.add_database(parser, {})
    flags.add_metrics(parser, "127.0.0.1:9002")
    args = parser.parse_args([])
    assert args.store == "driftmeter-data/references"
    assert args.database == "sqlite:///driftmeter-data/driftmeter.db"
    assert args.metrics == Address("127.0.0.1", 9002)


def test_a_duration_that_cannot_be_read_is_a_usage_error() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is not a duration"):
        flags.duration("soon")
