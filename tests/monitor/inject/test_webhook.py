"""The admission webhook as a process, over TLS."""

import asyncio
import ssl
import sys
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from monitor.inject.webhook import MAX_BYTES, Certificate
from monitor.up.supervisor import Supervisor
from tests.conftest import Needs
from tests.monitor.inject.test_admission import review
from tests.support.certificates import self_signed
from tests.support.pods import model_pod


@pytest.fixture
def webhook(
    needs: Needs, supervisor: Supervisor, free_port: Callable[[], int], tmp_path: Path
) -> httpx2.Client:
    certificate, key = self_signed(needs("openssl"), tmp_path)
    address = f"127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "monitor", "admit", "--listen", address]
    told = ["--certificate", str(certificate), "--key", str(key), "--own-namespace", "driftmeter"]
    supervisor.start("admit", [*command, *told], ready=f"tcp://{address}")
    trusted = ssl.create_default_context(cafile=certificate)
    return httpx2.Client(base_url=f"https://{address}", verify=trusted)


def test_the_api_server_is_answered_and_nobody_else_is_misled(webhook: httpx2.Client) -> None:
    with webhook as http:
        answer = http.post("/inject?timeout=5s", content=review(model_pod()))
        assert answer.json()["response"]["patchType"] == "JSONPatch"
        own = http.post("/inject", content=review(model_pod(), "driftmeter"))
        assert "patch" not in own.json()["response"]
        assert http.get("/healthz").status_code == 200
        assert http.post("/inject", content=b"{}").status_code == 400
        assert http.post("/inject", content=bytes(MAX_BYTES + 1)).status_code == 413
        assert http.post("/", content=b"{}").status_code == 404


def test_a_renewed_certificate_is_shown_at_the_next_handshake(needs: Needs, tmp_path: Path) -> None:
    openssl = needs("openssl")
    certificate, key = self_signed(openssl, tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    watched = Certificate(context, certificate, key)
    for broken in (True, False):
        self_signed(openssl, tmp_path)
        if broken:
            key.write_text("no key")
        asyncio.run(watched.refresh())
        assert (shown(context) == certificate.read_text()) is not broken


def shown(context: ssl.SSLContext) -> str:
    """The certificate that a client is shown in a handshake, without a network between the two."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server),
        context.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(3):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    der = ends[0].getpeercert(binary_form=True)
    assert der is not None
    return ssl.DER_cert_to_PEM_cert(der)
