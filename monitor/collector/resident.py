"""Memory that starting needed and running does not."""

import ctypes
import re
import sys
from collections.abc import Iterator
from pathlib import Path

SMAPS = Path("/proc/self/smaps")

_HEAD = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \d+ *(.*)$", re.MULTILINE)
_CHANGED = re.compile(r"^(?:Anonymous|Swap): +[1-9]", re.MULTILINE)
_MADV_DONTNEED = 4


def unmap_libraries() -> None:
    """Lets go of the pages of shared libraries, which come back as they are touched again.

    To load Arrow, the dynamic linker reads 20 MiB of names that nobody looks up again. Only pages
    are let go that are as they are on the disk: nothing is lost, and what is needed again is still
    in the page cache. Does nothing where the kernel does not tell which these are.
    """
    if not sys.platform.startswith("linux") or not SMAPS.exists():
        return
    madvise = ctypes.CDLL(None, use_errno=True).madvise
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    for start, end in unchanged(SMAPS.read_text()):
        madvise(start, end - start, _MADV_DONTNEED)


def unchanged(smaps: str) -> Iterator[tuple[int, int]]:
    """Addresses of the mappings of files that cannot be written to, and were not before.

    smaps: as proc(5) describes it.
    """
    heads = list(_HEAD.finditer(smaps))
    ends = [*(head.start() for head in heads[1:]), len(smaps)]
    for head, end in zip(heads, ends, strict=True):
        start, stop, permissions, path = head.groups()
        is_changed = _CHANGED.search(smaps, head.end(), end) is not None
        if path.startswith("/") and "w" not in permissions and not is_changed:
            yield int(start, 16), int(stop, 16)
