"""Records on disk until they are delivered: an append-only log of segments."""

from monitor.spool.disk import RealDisk
from monitor.spool.errors import (
    SpoolError,
    SpoolFailedError,
    SpoolFullError,
    SpoolInUseError,
    SpoolVersionError,
)
from monitor.spool.format import Record
from monitor.spool.spool import Spool

__all__ = [
    "RealDisk",
    "Record",
    "Spool",
    "SpoolError",
    "SpoolFailedError",
    "SpoolFullError",
    "SpoolInUseError",
    "SpoolVersionError",
]
