"""Sockets that listen."""

import socket

from monitor.flags import Address


def bound(listen: Address) -> socket.socket:
    """A socket that listens. Raises OSError, naming the address."""
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    try:
        return socket.create_server((listen.host, listen.port), family=family, backlog=1024)
    except OSError as error:
        why = str(error.strerror).partition(" (while")[0]  # the rest names the address once more
        raise OSError(error.errno, f"cannot listen on {listen}: {why}") from error
