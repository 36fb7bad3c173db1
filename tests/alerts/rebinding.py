"""Run in a network namespace: a DNS server that lies, two endpoints, and calls by name.

Prints JSON: of every name the results of three calls, and under "called" which of our addresses
were connected to, by `getsockname` of the endpoint's side.
"""

import itertools
import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from alerts.egress import Egress
from alerts.guard import Guard

PUBLIC = "93.184.215.14"
A, CNAME, AAAA = 1, 5, 28

RECORDS: dict[str, list[list[str]]] = {
    "public.example": [[PUBLIC]],
    "rebind.example": [[PUBLIC], ["127.0.0.1"]],
    "loopback.example": [["127.0.0.1"]],
    "metadata.example": [["169.254.169.254"]],
    "mixed.example": [[PUBLIC, "127.0.0.1"]],
    "mapped.example": [["::ffff:127.0.0.1"]],
    "nat64.example": [["64:ff9b::7f00:1"]],
    "six.example": [["::1"]],
    "half.example": [[PUBLIC, "::1"]],
    "alias.example": [["loopback.example"]],
    "nowhere.example": [[]],
}
"""Addresses of each answer to a name in turn, the last one for ever; a name is an alias."""

LOCAL = sorted(set(RECORDS) - {"public.example", "rebind.example", "nowhere.example"})


class Names:
    """A DNS server (RFC 1035). A name's turn is over with both of its questions, A and AAAA."""

    def __init__(self) -> None:
        self._asked: dict[tuple[str, int], Iterator[list[str]]] = {}

    def serve(self, listening: socket.socket) -> None:
        while True:
            question, client = listening.recvfrom(512)
            listening.sendto(self.answer(question), client)

    def answer(self, question: bytes) -> bytes:
        end = question.index(b"\0", 12)
        name, kind = _name(question[12:end]), struct.unpack(">H", question[end + 1 : end + 3])[0]
        records = list(self._records(name, kind))
        header = question[:2] + struct.pack(">HHHHH", 0x8180, 1, len(records), 0, 0)
        return header + question[12 : end + 5] + b"".join(records)

    def _records(self, name: str, kind: int) -> Iterator[bytes]:
        for value in self._turn(name, kind):
            if value in RECORDS:
                yield _record(b"\xc0\x0c", CNAME, _encoded(value))
                for address in self._turn(value, kind):
                    yield from _addresses(_encoded(value), kind, address)
            else:
                yield from _addresses(b"\xc0\x0c", kind, value)

    def _turn(self, name: str, kind: int) -> list[str]:
        answers = RECORDS.get(name, [[]])
        turns = itertools.chain(answers, itertools.repeat(answers[-1]))
        return next(self._asked.setdefault((name, kind), turns))


def _addresses(owner: bytes, kind: int, text: str) -> Iterator[bytes]:
    """The record of an address, if it is one of the kind that is asked for."""
    address = ip_address(text)
    if kind == (A if address.version == 4 else AAAA):
        yield _record(owner, kind, address.packed)


def _record(owner: bytes, kind: int, data: bytes) -> bytes:
    return owner + struct.pack(">HHIH", kind, 1, 0, len(data)) + data


def _name(labels: bytes) -> str:
    parts = []
    while labels:
        parts.append(labels[1 : labels[0] + 1].decode())
        labels = labels[labels[0] + 1 :]
    return ".".join(parts).lower()


def _encoded(name: str) -> bytes:
    return b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"


def _endpoint(address: str, family: int, called: list[str]) -> None:
    """Takes every request, and notes at which address it came in."""
    listening = socket.create_server((address, 80), family=family)

    def serve() -> None:
        while True:
            connection, _ = listening.accept()
            with connection:
                called.append(connection.getsockname()[0])
                connection.recv(65_536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    threading.Thread(target=serve, daemon=True).start()


def main() -> None:
    called: list[str] = []
    dns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    dns.bind(("127.0.0.1", 53))
    threading.Thread(target=Names().serve, args=(dns,), daemon=True).start()
    for address, family in [(PUBLIC, socket.AF_INET), ("127.0.0.1", socket.AF_INET)]:
        _endpoint(address, family, called)
    _endpoint("::1", socket.AF_INET6, called)
    # Allowed for want of a certificate: beyond allowed networks nothing is called in clear text.
    egress = Egress(guard=Guard(allow=(ip_network(PUBLIC),)), timeout_s=10.0)
    seen = {
        name: [str(egress.post(f"http://{name}/", b"", {}, now=time.time()).result) for _ in "123"]
        for name in RECORDS
    }
    print(json.dumps({**seen, "called": called}))


if __name__ == "__main__":
    main()
