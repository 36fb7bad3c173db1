"""What pages are given that others have written is what they published."""

import re
from hashlib import sha256

from monitor.components import STATIC

UPLOT = STATIC / "uplot"


def test_the_plotting_library_is_the_published_one() -> None:
    said = (UPLOT / "README.md").read_text("utf-8")
    listed = re.findall(r"^\| `([^`]+)` \| `([0-9a-f]{64})` \|$", said, re.MULTILINE)
    assert dict(listed) == {
        path.name: sha256(path.read_bytes()).hexdigest()
        for path in UPLOT.iterdir()
        if path.name != "README.md"
    }


def test_its_version_and_licence_stand_beside_it() -> None:
    said = (UPLOT / "uPlot.iife.min.js").read_text("utf-8")[:100]
    assert "(v1.6.32)" in said
    assert "uPlot 1.6.32" in (UPLOT / "README.md").read_text("utf-8")
    assert "MIT License" in (UPLOT / "LICENSE").read_text("utf-8")
