"""What the documentation shows, works."""

import re
import shlex
from pathlib import Path

import pytest

from monitor import cli
from monitor.spec.documents import load, parse_any

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://)([^)#]+)")


def blocks(language: str) -> list[str]:
    found = [BLOCK.findall(page.read_text("utf-8")) for page in PAGES]
    return [text for page in found for kind, text in page if kind == language]


def commands() -> list[str]:
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    return [line for line in lines if line.startswith("driftmeter ")]


DOCUMENTS = [text for text in blocks("yaml") if text.startswith("apiVersion: driftmeter.dev")]


@pytest.mark.parametrize("text", DOCUMENTS)
def test_a_document_that_is_shown_has_no_fault(text: str) -> None:
    assert parse_any(text)


@pytest.mark.parametrize("line", commands())
def test_a_command_that_is_shown_exists_with_its_flags(line: str) -> None:
    assert callable(cli.parse(shlex.split(line, comments=True)[1:]).run)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = [page.parent / link for link in LINK.findall(page.read_text("utf-8"))]
    assert [target for target in targets if not target.exists()] == []


def test_the_example_document_has_no_fault() -> None:
    assert load(ROOT / "examples" / "monitor.yaml")
