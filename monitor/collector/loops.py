"""The event loop of a collector's processes."""

import asyncio
import signal
import sys
from typing import Any


def loop_factory() -> Any:
    """None for asyncio's own."""
    if sys.platform == "win32":
        return None
    import uvloop  # noqa: PLC0415 - there is none for Windows

    return uvloop.new_event_loop


def on_signals() -> asyncio.Event:
    """Set when SIGTERM or Ctrl-C says that it is time to stop."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
