"""Who is let in at the ingest address, by real processes and real handshakes."""

import argparse
import http.client
import ssl
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from monitor.collector.access import Access, AccessError, check_reach, is_loopback
from monitor.collector.configuration import shown
from monitor.collector.encryption import CertificateFiles, Encryption, server_context
from monitor.collector.tokens import ALL, NOBODY
from monitor.flags import Address
from monitor.kafka.connecting import Broker
from monitor.up.supervisor import Supervisor, free_port
from tests.support.refused import refused
from tests.support.registrations import announce, registration
from tests.support.running_collector import request, start
from tests.support.waiting import wait_for

Needs = Callable[[str], Path]
NO_BROKER = Broker(servers=("127.0.0.1:1",))


@dataclass(frozen=True)
class Authority:
    """Signs certificates, as an operator would with openssl."""

    openssl: Path
    folder: Path
    name: str

    def _run(self, *argv: str) -> None:
        subprocess.run([str(self.openssl), *argv], check=True, capture_output=True)

    @property
    def certificate(self) -> Path:
        path = self.folder / f"{self.name}.crt"
        if not path.exists():
            self._run("req", "-x509", *self._new(self.name), "-out", str(path))
        return path

    def _new(self, name: str) -> list[str]:
        shape = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"]
        return [*shape, "-subj", f"/CN={name}", "-keyout", str(self.folder / f"{name}.key")]

    def sign(self, name: str) -> tuple[Path, Path]:
        """A certificate for 127.0.0.1, and its key."""
        signed_by = ["-CA", str(self.certificate), "-CAkey", str(self.folder / f"{self.name}.key")]
        path = self.folder / f"{name}.crt"
        names = ["-addext", "subjectAltName=IP:127.0.0.1"]
        self._run("req", "-x509", *self._new(name), *names, *signed_by, "-out", str(path))
        return path, self.folder / f"{name}.key"


@pytest.fixture
def authority(needs: Needs, tmp_path: Path) -> Callable[[str], Authority]:
    openssl = needs("openssl")
    return lambda name: Authority(openssl, tmp_path, name)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_is_what_only_this_machine_reaches(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "collector.internal", ""])
def test_an_address_that_others_reach_needs_to_know_who_they_are(host: str) -> None:
    with pytest.raises(AccessError, match="--ingest-token-file FILE, or --ingest-client-ca"):
        check_reach(host, is_authenticated=False, is_open=False)
    check_reach(host, is_authenticated=True, is_open=False)
    check_reach(host, is_authenticated=False, is_open=True)


def test_who_needs_a_certificate_and_has_none_may_nothing() -> None:
    access = Access(needs_certificate=True)
    with_one = {"extensions": {"tls": {"client_cert_chain": ["PEM"]}}}
    assert access.monitors(with_one, {}) is ALL
    assert access.monitors({"extensions": {"tls": {"client_cert_chain": []}}}, {}) is NOBODY
    assert access.monitors({}, {}) is NOBODY


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--ingest", "0.0.0.0:0"], "--ingest 0.0.0.0 is not loopback"),
        (["--ingest-certificate", "a"], "--ingest-certificate and --ingest-key need each other"),
        (["--ingest-client-ca", "a"], "--ingest-client-ca needs --ingest-certificate"),
    ],
)
def test_flags_that_would_let_in_the_wrong_ones_are_refused_at_the_start(
    flags: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert message in refused(capsys, *flags)


def test_a_collector_does_not_start_with_a_certificate_that_is_none(tmp_path: Path) -> None:
    files = ["--ingest-certificate", "/dev/null", "--ingest-key", "/dev/null"]
    argv = [sys.executable, "-m", "monitor", "collect", "--spool", str(tmp_path), *files]
    ended = subprocess.run(argv, capture_output=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert b"not a certificate" in ended.stderr
    assert b"Traceback" not in ended.stderr


@pytest.mark.parametrize("flag", ["--ingest-token-file", "--ingest-without-authentication"])
def test_an_address_beyond_this_machine_listens_once_it_was_said_who_may_push(
    flag: str, supervisor: Supervisor, tmp_path: Path
) -> None:
    (tmp_path / "tokens").write_text("0" * 64)
    flags = [flag, str(tmp_path / "tokens")] if flag == "--ingest-token-file" else [flag]
    ports = (free_port(), free_port())
    flags += ["--ingest", f"0.0.0.0:{ports[1]}"]
    collector = start(supervisor, NO_BROKER, tmp_path / "spool", flags=flags, ports=ports)
    assert request(collector.ingest, "GET", "/healthz")[0] == 200


def over_tls(
    port: int, trusted: Path, own: tuple[Path, Path] | None, method: str, path: str
) -> tuple[int, bytes]:
    context = ssl.create_default_context(cafile=str(trusted))
    if own is not None:
        context.load_cert_chain(*own)
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=60)
    try:
        connection.request(method, path, b'{"monitor": "seats", "rows": []}')
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_with_mutual_tls_only_who_has_a_certificate_pushes(
    embedded_broker: Broker,
    supervisor: Supervisor,
    authority: Callable[[str], Authority],
    tmp_path: Path,
) -> None:
    announce(embedded_broker, registration(label="truth"))
    ours, others = authority("ours"), authority("others")
    server, client, stranger = ours.sign("server"), ours.sign("client"), others.sign("stranger")
    files = ["--ingest-certificate", str(server[0]), "--ingest-key", str(server[1])]
    flags = [*files, "--ingest-client-ca", str(ours.certificate)]
    collector = start(supervisor, embedded_broker, tmp_path / "spool", flags=flags, is_tls=True)

    def ask(own: tuple[Path, Path] | None, path: str, method: str = "POST") -> int:
        return over_tls(collector.ingest, ours.certificate, own, method, path)[0]

    wait_for(lambda: ask(client, "/v1/labels") == 202)
    assert ask(None, "/v1/labels") == 401
    assert ask(None, "/v1/events") == 401
    assert ask(None, "/config", "GET") == 401
    assert ask(client, "/config", "GET") == 200
    assert [ask(None, path, "GET") for path in ("/healthz", "/readyz", "/metrics")] == [200] * 3
    with pytest.raises((ssl.SSLError, ConnectionError)):
        ask(stranger, "/v1/labels")


def handshake(server: ssl.SSLContext, client: ssl.SSLContext) -> dict[str, object]:
    """Two ends in memory; what the client sees of the server's certificate. Raises SSLError."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = client.wrap_bio(to_client, to_server, server_hostname="127.0.0.1")
    other = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for end in (one, other):
            with suppress(ssl.SSLWantReadError):  # the other end has the next word
                end.do_handshake()
    return dict(one.getpeercert() or {})


def client_of(trusted: Path, own: tuple[Path, Path] | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(trusted))
    if own is not None:
        context.load_cert_chain(*own)
    return context


def test_replaced_certificates_and_authorities_are_in_force_in_the_next_handshake(
    authority: Callable[[str], Authority], tmp_path: Path
) -> None:
    old, new = authority("old"), authority("new")
    live = CertificateFiles(
        certificate=tmp_path / "live.crt", key=tmp_path / "live.key", client_ca=tmp_path / "live.ca"
    )

    def put(of: Authority, name: str) -> None:
        certificate, key = of.sign(name)
        for source, target in (
            (certificate, live.certificate),
            (key, live.key),
            (of.certificate, tmp_path / "live.ca"),
        ):
            copy = tmp_path / "copy"
            copy.write_bytes(source.read_bytes())
            copy.replace(target)

    put(old, "first")
    encryption = Encryption(live)
    old_client, new_client = old.sign("a"), new.sign("b")
    assert handshake(encryption.context, client_of(old.certificate, old_client))
    put(new, "second")
    assert handshake(encryption.context, client_of(new.certificate, new_client))
    with pytest.raises(ssl.SSLError, match=r"(?i)unknown|verify"):
        handshake(encryption.context, client_of(new.certificate, old_client))
    live.certificate.write_text("half a certificate")
    assert handshake(encryption.context, client_of(new.certificate, new_client))


def test_certificates_that_cannot_be_used_are_named(
    authority: Callable[[str], Authority], tmp_path: Path
) -> None:
    certificate, key = authority("ours").sign("server")
    empty = tmp_path / "empty"
    empty.touch()
    with pytest.raises(AccessError, match=r"empty and .*key are not a certificate and its key"):
        server_context(CertificateFiles(certificate=empty, key=key))
    files = CertificateFiles(certificate=certificate, key=key, client_ca=empty)
    with pytest.raises(AccessError, match="empty holds no certificate"):
        server_context(files)


def test_a_configuration_is_shown_without_its_secrets(tmp_path: Path) -> None:
    args = argparse.Namespace(
        broker="user://driftmeter:hunter2@kafka:9092",
        ingest=Address("127.0.0.1", 9001),
        ingest_token_file=tmp_path / "tokens",
        spool_limit=1 << 30,
        run=print,
    )
    found = shown(args)
    assert found["flags"] == {
        "broker": "user://driftmeter:***@kafka:9092",
        "ingest": "127.0.0.1:9001",
        "ingest-token-file": str(tmp_path / "tokens"),
        "spool-limit": 1 << 30,
    }
    orjson.dumps(found)


def test_the_configuration_of_a_running_collector_has_its_flags_and_not_its_tokens(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("ab" * 32)
    security = tmp_path / "kafka.properties"
    security.write_text("security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\nsasl.username=u\n")
    with security.open("a") as file:
        file.write("sasl.password=hunter2\n")
    flags = ["--broker-security", str(security)]
    collector = start(supervisor, NO_BROKER, tmp_path / "spool", flags=flags)
    status, body = request(collector.ingest, "GET", "/config")
    assert status == 200
    assert orjson.loads(body)["flags"]["broker-security"] == str(security)
    assert b"hunter2" not in body
