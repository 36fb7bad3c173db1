"""Pydantic's errors about a document, in words that say what would be right."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from monitor.spec.model import Monitor

Where = tuple[str | int, ...]
"""The keys and positions that lead to a value."""

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Complaint:
    where: Where
    message: str
    hint: str = ""


def explain(
    error: ValidationError, document: object, kind: type[BaseModel] = Monitor
) -> list[Complaint]:
    """One complaint a place of `document`, which should be of a kind, in the order in which
    pydantic found them."""
    root = _root(kind)
    by_place: dict[Where, list[ErrorDetails]] = {}
    for details in error.errors(include_url=False):
        by_place.setdefault(_where(details, document), []).append(details)
    return [_complaint(where, details, root) for where, details in by_place.items()]


def _where(details: ErrorDetails, document: object) -> Where:
    """The part of an error's location that exists in the document, or what is missing in it.

    Pydantic adds steps of its own for the branches of a union.
    """
    where: Where = ()
    value: Any = document
    for step in details["loc"]:
        if not _holds(value, step):
            return (*where, step) if details["type"] == "missing" else where
        value, where = value[step], (*where, step)
    return where


def _holds(value: object, step: str | int) -> bool:
    if isinstance(value, dict):
        return step in value
    return isinstance(value, list) and isinstance(step, int)


def _complaint(where: Where, errors: Sequence[ErrorDetails], root: Schema) -> Complaint:
    kinds = {error["type"] for error in errors}
    first = errors[0]
    if "missing" in kinds:
        return Complaint(where, "is missing", _example(where, root))
    if "extra_forbidden" in kinds:
        known = _known_keys(where[:-1], root)
        return Complaint(where, "is not a key here", _suggest(str(where[-1]), known))
    if kinds <= {"enum", "literal_error"}:
        accepted = [value for error in errors for value in _quoted(error["ctx"]["expected"])]
        return Complaint(
            where, f"{first['input']!r} is not accepted", _suggest(str(first["input"]), accepted)
        )
    if "string_type" in kinds and isinstance(first["input"], bool | int | float):
        return Complaint(where, f"{first['input']!r} is not text", "write it in quotes")
    if "value_error" in kinds:
        return Complaint(where, str(first["ctx"]["error"]))
    return Complaint(where, _message(first), _example(where, root))


def _message(error: ErrorDetails) -> str:
    if error["type"] == "model_type":
        return "should be a mapping of keys to values"
    if error["type"] == "string_pattern_mismatch":
        return f"{error['input']!r} does not have the right form"
    return re.sub(r"^(Input|String|Tuple|Dictionary) ", "", error["msg"])


def _quoted(expected: str) -> list[str]:
    return re.findall(r"'([^']*)'", expected)


def _suggest(found: str, accepted: Iterable[str]) -> str:
    accepted = list(accepted)
    if close := difflib.get_close_matches(found, accepted, n=1):
        return f"did you mean {close[0]!r}?"
    return f"accepted: {', '.join(accepted)}" if accepted else ""


def _example(where: Where, root: Schema) -> str:
    schema = _schema_at(where, root)
    description = str(schema.get("description", ""))
    if examples := schema.get("examples") or _values(schema):
        return f"{description} For example {examples[0]}".strip()
    return description


def _values(schema: Schema) -> list[str]:
    return [schema["const"]] if "const" in schema else list(schema.get("enum", ()))


def _known_keys(where: Where, root: Schema) -> Sequence[str]:
    return list(_schema_at(where, root).get("properties", ()))


@cache
def _root(kind: type[BaseModel]) -> Schema:
    return kind.model_json_schema()


def _schema_at(where: Where, root: Schema) -> Schema:
    schema = root
    for step in where:
        if isinstance(step, int):
            schema = schema.get("items", {})
        else:
            others = schema.get("additionalProperties") or {}
            schema = schema.get("properties", {}).get(step, others)
        schema = _resolved(schema, root)
    return schema


def _resolved(schema: Schema, root: Schema) -> Schema:
    """Follows a reference; of a union, takes the branch that has keys of its own."""
    branches = [_resolved(branch, root) for branch in schema.get("anyOf", ())]
    chosen = next((branch for branch in branches if "properties" in branch), {})
    if name := schema.get("$ref", "").rpartition("/")[2]:
        chosen = root["$defs"][name]
    return {**chosen, **schema} if chosen else schema
