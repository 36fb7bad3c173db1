"""Why the spool refuses.

SpoolError              anything below
├── SpoolInUseError     another process has the folder
├── SpoolVersionError   a later Driftmeter wrote it; nothing was touched
├── SpoolFullError      no room: the limit in bytes, the disk, or too much waits for the disk
└── SpoolFailedError    the disk failed; what was to be stored is not acknowledged
"""


class SpoolError(Exception):
    """The spool does not take records."""


class SpoolInUseError(SpoolError):
    """Another process has the folder."""


class SpoolVersionError(SpoolError):
    """A later Driftmeter wrote the folder."""


class SpoolFullError(SpoolError):
    """There is no room; later there may be."""


class SpoolFailedError(SpoolError):
    """The disk did not do what it was asked to."""
