"""`driftmeter admit`: what the API server asks about pods, and about Monitors, that come to be."""

import argparse
import functools
import logging
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson
import uvicorn

from monitor import flags
from monitor.collector.listening import bound
from monitor.inject.admission import SYSTEM, ReviewError, reviewed, validated
from monitor.inject.settings import Settings, add_flags
from monitor.telemetry import logs

DESCRIPTION = """\
Answers a cluster's API server when a pod is to be made: the same collector that `inject` writes
into a manifest is added to it. A pod that cannot have one is made without, and whoever makes it is
warned. A Monitor that the API would refuse is refused at once. The Helm chart runs it and tells the
API server of it (injector.enabled).
"""

EXAMPLES = """\
examples:
  driftmeter admit --listen 0.0.0.0:9443 --certificate tls.crt --key tls.key
      what the chart runs with injector.enabled=true
  driftmeter admit --certificate tls.crt --key tls.key --own-namespace driftmeter
      whose own pods stay as they are
"""

MAX_BYTES = 8 << 20

log = logging.getLogger(__name__)

Review = Callable[[bytes], Any]


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "admit",
        help="put collectors into pods as a cluster makes them",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--listen",
        metavar="HOST:PORT",
        type=flags.Address.parse,
        default=flags.Address("127.0.0.1", 9443),
        help="where the API server calls (default %(default)s)",
    )
    parser.add_argument("--certificate", metavar="FILE", type=Path, required=True, help="PEM")
    parser.add_argument(
        "--key", metavar="FILE", type=Path, required=True, help="PEM: the certificate's key"
    )
    parser.add_argument(
        "--own-namespace",
        metavar="NAME",
        action="append",
        default=[],
        help="a namespace whose pods are never touched, beside those of Kubernetes itself",
    )
    add_flags(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    logs.configure()
    untouched = SYSTEM | set(args.own_namespace)
    review = functools.partial(reviewed, settings=Settings.from_flags(args), untouched=untouched)
    config = uvicorn.Config(
        Webhook({"/inject": review, "/validate": validated}),
        ssl_certfile=args.certificate,
        ssl_keyfile=args.key,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    for path in (args.certificate, args.key):
        path.open("rb").close()  # the error of what is not there names it; OpenSSL's does not
    config.load()
    assert config.ssl is not None
    certificate = Certificate(config.ssl, args.certificate, args.key)
    config.callback_notify, config.timeout_notify = certificate.refresh, 10
    with bound(args.listen) as listening:
        log.info("the API server is answered at https://%s/inject", args.listen)
        uvicorn.Server(config).run(sockets=[listening])
    return 0


class Certificate:
    """A certificate that is renewed while it is in use: the next handshake has the new one."""

    def __init__(self, context: ssl.SSLContext, certificate: Path, key: Path) -> None:
        self._context = context
        self._paths = (certificate, key)
        self._seen = self._state()

    async def refresh(self) -> None:
        """Reads the files again if they have changed; what cannot be read changes nothing."""
        try:
            if (state := self._state()) != self._seen:
                self._seen = state
                # A pair that does not fit leaves a context without any: another one tries it first.
                ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*self._paths)
                self._context.load_cert_chain(*self._paths)
        except (OSError, ssl.SSLError) as error:
            log.warning("the certificate is as it was: %s", error)

    def _state(self) -> list[int]:
        return [path.stat().st_mtime_ns for path in self._paths]


class Webhook:
    """The ASGI application: a POST to the path of each review, and GET /healthz."""

    def __init__(self, reviews: Mapping[str, Review]) -> None:
        self._reviews = reviews

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        review = self._reviews.get(scope["path"])
        if (scope["method"], scope["path"]) == ("GET", "/healthz"):
            await _answer(send, 200, b"ok\n", b"text/plain")
        elif scope["method"] == "POST" and review is not None:
            await self._admit(review, receive, send)
        else:
            roads = ", ".join(f"POST {path}" for path in self._reviews)
            await _answer(send, 404, f"there is {roads}\n".encode(), b"text/plain")

    async def _admit(self, review: Review, receive: Any, send: Any) -> None:
        body = await _body(receive)
        if body is None:
            await _answer(send, 413, b"larger than any pod\n", b"text/plain")
            return
        try:
            answer = orjson.dumps(review(body))
        except ReviewError as error:
            await _answer(send, 400, f"{error}\n".encode(), b"text/plain")
            return
        await _answer(send, 200, answer, b"application/json")


async def _body(receive: Any) -> bytes | None:
    """The whole body; None where it is larger than MAX_BYTES."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MAX_BYTES:
            return None
        if not message.get("more_body", False):
            return bytes(body)


async def _answer(send: Any, status: int, body: bytes, content_type: bytes) -> None:
    headers = [(b"content-type", content_type), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
