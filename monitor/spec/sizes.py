"""Sizes as people write them: "512MiB", "2GiB"."""

import re

_FORM = re.compile(r"(\d+) ?(MiB|GiB)")
_SHIFTS = {"MiB": 20, "GiB": 30}


def parse_size(text: object) -> int:
    """Bytes, at least 1 MiB; a number of bytes stays. Raises ValueError."""
    if isinstance(text, int) and not isinstance(text, bool) and text >= 1 << 20:
        return text
    match = _FORM.fullmatch(text) if isinstance(text, str) else None
    if match is None or not int(match[1]):
        raise ValueError(f"{text!r} is not a size, such as 512MiB or 2GiB")
    return int(match[1]) << _SHIFTS[match[2]]
