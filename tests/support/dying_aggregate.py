"""An aggregate that is killed by certain bytes while it decodes them, as a fault of a native
library would do it: `python -m tests.support.dying_aggregate BYTES FLAGS…`.
"""

import os
import signal
import sys
from types import FrameType

from monitor import batches, cli

DEADLY = sys.argv[1].encode()
DECODE = batches.decode.__code__


def die(frame: FrameType, event: str, _: object) -> None:
    if event == "call" and frame.f_code is DECODE and DEADLY in frame.f_locals["raw"]:
        os.kill(os.getpid(), signal.SIGSEGV)


if __name__ == "__main__":
    sys.setprofile(die)
    sys.exit(cli.main(["aggregate", *sys.argv[2:]]))
