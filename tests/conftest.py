"""What tests share: brokers, databases, processes; and an account of what could not be tested.

`broker`            a Kafka broker with topics of this test's own; under tests/integration the
                    test runs twice, on the embedded broker and on Apache Kafka, unless it
                    says otherwise (tests.support.brokers)
`embedded_broker`   the same, on the embedded broker only
`database_url`      an empty database; the test runs twice, on SQLite and on PostgreSQL
`supervisor`        starts processes that end with the test, logs in tmp_path
`free_port`         a function that returns a free port of 127.0.0.1
`needs`             a function that returns the path of a program which may be absent:
                    `promtool = needs("promtool")`. If it is absent the test is skipped, and
                    the run says at its end what was not tested; with
                    DRIFTMETER_TEST_EVERYTHING=1 it fails instead.
`not_tested`        a function that says so for another reason than a program
"""

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, settings

from monitor.kafka import embedded
from monitor.kafka.connecting import Broker
from monitor.kafka.messages import Topics
from monitor.up.supervisor import Supervisor
from monitor.up.supervisor import free_port as find_free_port
from tests.support import apache_kafka, postgres
from tests.support.brokers import ON_APACHE
from tests.support.shared_kafka import SharedKafka
from tests.support.shared_kafka import start as start_kafka

# Workers are as many as processors: more threads in each would wait for one another, and trees of
# a few rows take twenty times as long. Processes that tests start inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# A busy machine makes examples slow, which says nothing about them. Half of what is usual is tried
# with every run; pytest --hypothesis-profile=thorough tries ten times that.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", unhurried, max_examples=500)
settings.register_profile("driftmeter", unhurried, max_examples=50)
settings.load_profile("driftmeter")

Needs = Callable[[str], Path]

NOT_TESTED = "NOT TESTED: "
INTEGRATION = Path(__file__).parent / "integration"


@pytest.fixture(scope="session")
def needs() -> Needs:
    def find(program: str) -> Path:
        found = shutil.which(program) or postgres.find(program)
        if found is None:
            _not_tested(f"there is no {program!r} on this machine")
        return Path(found)

    return find


@pytest.fixture(scope="session")
def not_tested() -> Callable[[str], NoReturn]:
    return _not_tested


def _not_tested(reason: str) -> NoReturn:
    if os.environ.get("DRIFTMETER_TEST_EVERYTHING") == "1":
        pytest.fail(f"everything was to be tested, but {reason}")
    pytest.skip(NOT_TESTED + reason)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says what a green run does not cover."""
    reasons: dict[str, int] = {}
    for report in terminalreporter.getreports("skipped"):
        if isinstance(report.longrepr, tuple) and NOT_TESTED in report.longrepr[2]:
            reason = report.longrepr[2].partition(NOT_TESTED)[2]
            reasons[reason] = reasons.get(reason, 0) + 1
    for reason, n in sorted(reasons.items()):
        terminalreporter.write_line(f"{NOT_TESTED}{reason} (tests: {n})", yellow=True)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "broker" not in metafunc.fixturenames or _names_its_brokers(metafunc):
        return
    brokers: list[object] = ["embedded"]
    if metafunc.definition.path.is_relative_to(INTEGRATION):
        brokers.append(pytest.param("apache", marks=ON_APACHE))
    metafunc.parametrize("broker", brokers, indirect=True)


def _names_its_brokers(metafunc: pytest.Metafunc) -> bool:
    marks = metafunc.definition.iter_markers("parametrize")
    return any("broker" in mark.args[0] for mark in marks)


@pytest.fixture
def free_port() -> Callable[[], int]:
    return find_free_port


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    with Supervisor(tmp_path / "logs", stop_timeout_s=0.0) as processes:
        yield processes


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Supervisor]:
    """The servers that tests share; they end with the run, and nothing that they have is wanted."""
    folder = tmp_path_factory.mktemp("servers")
    with Supervisor(folder, stop_timeout_s=0.0) as processes:
        yield processes


@pytest.fixture(scope="session")
def embedded_address(servers: Supervisor) -> str:
    port = find_free_port()
    servers.start("embedded-broker", embedded.command(port), ready=f"tcp://127.0.0.1:{port}")
    return f"127.0.0.1:{port}"


@pytest.fixture(scope="session")
def shared_kafka(
    servers: Supervisor, needs: Needs, tmp_path_factory: pytest.TempPathFactory
) -> SharedKafka:
    java, openssl, maven = needs("java"), needs("openssl"), needs("mvn")
    jars = apache_kafka.libraries(maven, cache_folder())
    folder = tmp_path_factory.mktemp("apache-kafka")
    return start_kafka(servers, java, jars, openssl, folder)


@pytest.fixture(scope="session")
def apache_address(shared_kafka: SharedKafka) -> str:
    return shared_kafka.address


def cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "driftmeter"


@pytest.fixture
def broker(request: pytest.FixtureRequest) -> Broker:
    fixture = "apache_address" if request.param == "apache" else "embedded_address"
    return _fresh(request.getfixturevalue(fixture))


@pytest.fixture
def embedded_broker(embedded_address: str) -> Broker:
    return _fresh(embedded_address)


def _fresh(address: str) -> Broker:
    # The short session lets a consumer group take over quickly from a member that was killed.
    broker = Broker(
        servers=(address,), topics=Topics(embedded.fresh_prefix()), session_timeout_s=2.0
    )
    broker.create_topics()
    return broker


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'driftmeter.db'}"
        return
    with postgres.copied(request.getfixturevalue("postgres_server")) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_server(servers: Supervisor, needs: Needs) -> Iterator[str]:
    """user@host:port of a running PostgreSQL."""
    needs("initdb")
    port = find_free_port()
    # Not under pytest's own folder, which the unprivileged server cannot enter.
    with tempfile.TemporaryDirectory(prefix="driftmeter-postgres-") as folder:
        command = postgres.prepare(Path(folder), port=port)
        servers.start("postgres", command, ready=f"tcp://127.0.0.1:{port}")
        postgres.wait_until_it_accepts(f"postgresql://driftmeter@127.0.0.1:{port}/postgres")
        yield f"driftmeter@127.0.0.1:{port}"
        os.kill(servers.pid("postgres"), signal.SIGQUIT)  # at once, but without leaving its memory
