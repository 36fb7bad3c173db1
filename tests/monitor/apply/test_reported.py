"""A report is typed for the client as it is made by the detectors."""

from typing import Any, get_args

import pytest
from pydantic import TypeAdapter

from detectors.report import Shift, Verdict, WindowReport
from detectors.report.sample import SampleReport
from monitor.apply import reported

ENVELOPE = {"id", "monitor", "window", "revision", "reference_id", "monitor_revision"}
BESIDE = {"sample", "not_counted", "retrain"}


def shape(kind: Any) -> Any:
    """What a type's JSON holds."""
    schema = TypeAdapter(kind).json_schema()
    return _shape(schema, schema.get("$defs", {}))


def _shape(schema: dict[str, Any], known: dict[str, Any]) -> Any:
    if "$ref" in schema:
        return _shape(known[schema["$ref"].rpartition("/")[2]], known)
    if "anyOf" in schema:
        return sorted((_shape(one, known) for one in schema["anyOf"]), key=repr)
    if "properties" in schema:
        return {name: _shape(one, known) for name, one in schema["properties"].items()}
    if "prefixItems" in schema:  # of JSON, a pair is a list
        return ["array", _shape(schema["prefixItems"][0], known)]
    for inner in ("items", "additionalProperties"):
        if isinstance(schema.get(inner), dict):
            return [schema["type"], _shape(schema[inner], known)]
    return schema["type"]


def test_a_report_is_typed_as_it_is_made() -> None:
    typed = shape(reported.Report)
    apart = {key: typed[key] for key in typed if key not in ENVELOPE | BESIDE}
    assert apart == shape(WindowReport)


def test_what_tests_of_rows_said_is_typed_as_it_is_made() -> None:
    typed = shape(reported.Sample)
    assert typed.pop("is_pending") == "boolean"
    assert typed == shape(SampleReport)


@pytest.mark.parametrize(("typed", "words"), [(reported.Verdict, Verdict), (reported.Shift, Shift)])
def test_a_closed_set_has_the_same_words(typed: Any, words: Any) -> None:
    assert set(get_args(typed)) == set(words)
