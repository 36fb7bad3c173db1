"""What the documentation shows, works."""

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml

from monitor import cli
from monitor.spec.documents import load, parse_any
from tests.support import chart

ROOT = Path(__file__).parents[1]
PAGES = [
    *(
        ROOT / f"{page}.md"
        for page in (
            *("README", "SECURITY", "CONTRIBUTING", "CHANGELOG"),
            *("benchmarks/README", "k8s/README", "k8s/driftmeter/README"),
        )
    ),
    *sorted((ROOT / "docs").rglob("*.md")),
]
EXAMPLE = ROOT / "examples" / "monitor.yaml"

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://)([^)#]+)")
INGEST = re.compile(r":9001(/[\w/-]*)")
PUSHED = {"predictions", "labels", "events", "logs", "sagemaker-captures"}


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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = [page.parent / link for link in LINK.findall(page.read_text("utf-8"))]
    assert [target for target in targets if not target.exists()] == []


def test_the_values_that_are_shown_are_those_of_the_chart() -> None:
    shown = [yaml.safe_load(text) for text in blocks("yaml") if "\nimage: " in text]
    assert shown
    assert all(chart.render(values) for values in shown)


def test_an_address_of_a_collector_that_is_shown_takes_what_is_sent_there() -> None:
    shown = {path for page in PAGES for path in INGEST.findall(page.read_text("utf-8"))}
    assert shown
    assert shown <= {"/metrics", *(f"/v1/{kind}" for kind in PUSHED)}


def test_the_example_document_has_no_fault() -> None:
    assert load(EXAMPLE)


def test_every_key_of_a_document_is_shown_somewhere() -> None:
    schema = json.loads((ROOT / "docs" / "monitor.schema.json").read_text("utf-8"))
    kinds = [schema, *schema["$defs"].values()]
    keys = {key for kind in kinds for key in kind.get("properties", {})}
    shown = "\n".join(page.read_text("utf-8") for page in [*PAGES, EXAMPLE])
    assert keys - {*re.findall(r"\b(\w+):", shown), *re.findall(r"`(\w+)`", shown)} == set()
