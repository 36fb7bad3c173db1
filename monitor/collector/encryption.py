"""TLS for the ingest address, with certificates that are replaced while it runs."""

import logging
import ssl
from dataclasses import dataclass
from pathlib import Path

from monitor.collector.access import AccessError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFiles:
    """PEM, all of them.

    certificate: the listener's, with those that lead to its authority. key: of the first of them.
    client_ca: the authorities of the clients' certificates; None where clients need none.
    """

    certificate: Path
    key: Path
    client_ca: Path | None = None

    def state(self) -> tuple[tuple[int, int, int], ...]:
        """Differs once one of the files has been replaced. Raises OSError."""
        paths = [path for path in (self.certificate, self.key, self.client_ca) if path is not None]
        return tuple((s.st_ino, s.st_mtime_ns, s.st_size) for s in (path.stat() for path in paths))


def server_context(files: CertificateFiles) -> ssl.SSLContext:
    """What a listener needs for TLS 1.2 and above. Raises AccessError, naming the file.

    A client without a certificate is let in: probes have none. One with a certificate that is not
    good is not. Sessions are not resumed, since they would outlive the authority that was trusted.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    try:
        context.load_cert_chain(files.certificate, files.key)
    except OSError as error:
        raise AccessError(
            f"{files.certificate} and {files.key} are not a certificate and its key: {error}"
        ) from error
    if files.client_ca is not None:
        try:
            context.load_verify_locations(files.client_ca)
        except OSError as error:
            raise AccessError(f"{files.client_ca} holds no certificate: {error}") from error
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


class Encryption:
    """The context of a listener, whose files are read again when they have changed.

    A change that cannot be read is logged and changes nothing. Raises AccessError or OSError where
    the files cannot be used at first.
    """

    def __init__(self, files: CertificateFiles) -> None:
        self._files = files
        self._seen = files.state()
        self._current = server_context(files)
        self.context = server_context(files)
        self.context.sni_callback = self._choose

    def _choose(
        self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext
    ) -> None:
        """Called in each handshake, whether or not the client names a server."""
        self._refresh()
        connection.context = self._current

    def _refresh(self) -> None:
        try:
            state = self._files.state()
            if state != self._seen:
                self._current = server_context(self._files)
                self._seen = state
        except (AccessError, OSError) as error:  # while files are being replaced, key after chain
            log.warning("the certificates are as they were: %s", error)
