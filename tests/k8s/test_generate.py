"""What is said of the chart's values: once, in values.yaml, and wherever it is looked for."""

import json
import shutil
from pathlib import Path

from k8s import generate
from tests.support.chart import CHART

VALUES = """\
# Of the file, and of no value.

kafka:
  # -- Where it is; empty
  # starts one.
  servers: []
  # Of whoever works on the chart.
  prefix: a.
# -- How many.
replicas: 2
"""


def test_a_value_is_described_by_the_comment_above_it_that_begins_with_two_dashes() -> None:
    assert generate.descriptions(VALUES) == {
        ("kafka", "servers"): "Where it is; empty starts one.",
        ("replicas",): "How many.",
    }


def test_a_schema_says_what_the_comment_says_and_keeps_what_no_comment_says() -> None:
    schema = {"properties": {"a": {"type": "string"}, "b": {"description": "kept"}}}
    assert generate.described(schema, {("a",): "said"}) == {
        "properties": {"a": {"type": "string", "description": "said"}, "b": {"description": "kept"}}
    }


def test_every_value_has_a_line_with_its_default_and_what_it_does() -> None:
    schema = {"properties": {"a": {"properties": {"b": {"description": "Which."}}}}}
    assert [*generate.rows(schema, {"a": {"b": [1]}})] == ["| `a.b` | `[1]` | Which. |"]


def test_what_is_committed_is_what_would_be_made() -> None:
    assert generate.main(["--check"]) == 0


def test_a_description_that_changed_makes_both_files_stale_until_they_are_made_anew(
    tmp_path: Path,
) -> None:
    chart = shutil.copytree(CHART, tmp_path / "driftmeter")
    values = chart / "values.yaml"
    values.write_text(values.read_text().replace("-- Where in the secret.", "-- Its key."))
    assert generate.main(["--check"], chart) == 1
    assert generate.main([], chart) == 0
    assert generate.main(["--check"], chart) == 0
    assert '| `database.key` | `"url"` | Its key. |' in (chart / "README.md").read_text()
    schema = json.loads((chart / "values.schema.json").read_text())
    assert schema["properties"]["database"]["properties"]["key"]["description"] == "Its key."
