"""Little that becomes much when it is unpacked."""

import zlib


def packed_spaces(n_megabytes: int) -> bytes:
    """Gzip of so many spaces. Packed once: what is packed apart may be repeated."""
    packer, megabyte = zlib.compressobj(wbits=16 + zlib.MAX_WBITS), b" " * 1_000_000
    first, another = (packer.compress(megabyte) + packer.flush(zlib.Z_FULL_FLUSH) for _ in "12")
    return first + (n_megabytes - 1) * another
