"""Monitor documents from YAML: strict, and every fault at once with its place in the file."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, cast

import yaml
from pydantic import BaseModel, ValidationError

from monitor.spec.explain import Complaint, Where, explain
from monitor.spec.model import Monitor
from monitor.spec.quotas import Quotas
from monitor.spec.reference import Reference
from monitor.spec.retraining import RetrainSubscription

_Document = TypeVar("_Document", bound=Monitor | RetrainSubscription | Quotas)

MAX_BYTES = 1_000_000
MAX_DEPTH = 50


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """What is wrong at one place of a document; line and column count from 1."""

    line: int
    column: int
    path: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        return f"{self.line}:{self.column}: {where}{self.message}" + (
            f" ({self.hint})" if self.hint else ""
        )


class DocumentError(ValueError):
    """A file of documents has faults; they are in the order of the file."""

    def __init__(self, source: str, faults: list[Fault]) -> None:
        self.source = source
        self.faults = tuple(sorted(faults))
        super().__init__("\n".join(f"{source}:{fault}" for fault in self.faults))


def load(path: Path) -> list[Monitor]:
    """The monitors of a YAML file; what they name by relative paths lies beside the file.

    Raises DocumentError with all faults, OSError if the file cannot be read.
    """
    return [_beside(path.parent, monitor) for monitor in parse(_text(path), source=str(path))]


def load_all(path: Path) -> list[Monitor | RetrainSubscription]:
    """The documents of a YAML file, of whatever kind they are, as `load` reads monitors."""
    found: list[Monitor | RetrainSubscription]
    found = _parsed(_text(path), str(path), Monitor, RetrainSubscription)
    return [
        _beside(path.parent, one) if isinstance(one, Monitor) else _subscribed(path.parent, one)
        for one in found
    ]


def load_subscriptions(path: Path) -> list[RetrainSubscription]:
    """The subscriptions to retrains of a YAML file, as `load` reads monitors."""
    found = _parsed(_text(path), str(path), RetrainSubscription)
    return [_subscribed(path.parent, one) for one in found]


def check(path: Path) -> list[Monitor | RetrainSubscription | Quotas]:
    """The documents of a YAML file, of whatever kind, paths as they stand; raises as `load`."""
    return parse_any(_text(path), source=str(path))


def load_quotas(path: Path) -> list[Quotas]:
    """The one document of quotas of a YAML file. Raises as `load` does."""
    return _parsed(_text(path), str(path), Quotas)


def _text(path: Path) -> str:
    if path.stat().st_size > MAX_BYTES:
        raise DocumentError(str(path), [Fault(1, 1, "", f"larger than {MAX_BYTES:,} bytes")])
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        fault = Fault(1, 1, "", f"byte {error.start} is not UTF-8", "save the file as UTF-8")
        raise DocumentError(str(path), [fault]) from None


def parse_any(
    text: str, *, source: str = "document"
) -> list[Monitor | RetrainSubscription | Quotas]:
    """The documents of a YAML text, of whatever kind, paths as they stand. Raises DocumentError."""
    found: list[Monitor | RetrainSubscription | Quotas]
    found = _parsed(text, source, Monitor, RetrainSubscription, Quotas)
    return found


def parse(text: str, *, source: str = "document") -> list[Monitor]:
    """The monitors of a YAML text, paths as they stand. Raises DocumentError."""
    return _parsed(text, source, Monitor)


def _parsed(text: str, source: str, *kinds: type[_Document]) -> list[_Document]:
    """Documents of some kinds; one that does not say which is taken for the first."""
    readings = _read(text, source)
    found, faults = list[_Document](), [fault for reading in readings for fault in reading.faults]
    for reading in readings:
        kind = _kind(reading.value, kinds)
        try:
            # Of a union mypy forgets which of its members a type is.
            found.append(cast("_Document", kind.model_validate(reading.value)))
        except ValidationError as error:
            complaints = explain(error, reading.value, kind)
            faults += [reading.fault(complaint) for complaint in complaints]
    if not readings:
        faults.append(Fault(1, 1, "", "there is no document", "docs/connect.md shows one"))
    faults += _repeated(found, readings) if len(found) == len(readings) else []
    if faults:
        raise DocumentError(source, faults)
    return found


def _kind(document: object, kinds: tuple[type[_Document], ...]) -> type[_Document]:
    said = document.get("kind") if isinstance(document, dict) else None
    return next((kind for kind in kinds if kind.__name__ == said), kinds[0])


@dataclass(slots=True)
class _Reading:
    """A document as plain values, with the place of every key and item."""

    value: object = None
    places: dict[Where, tuple[int, int]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def fault(self, complaint: Complaint) -> Fault:
        where = complaint.where
        while where not in self.places:
            where = where[:-1]
        return Fault(*self.places[where], _path(complaint.where), complaint.message, complaint.hint)


def _read(text: str, source: str) -> list[_Reading]:
    try:
        if bomb := _bomb(text):
            raise DocumentError(source, [Fault(1, 1, "", bomb)])
        return [_reading(node) for node in yaml.compose_all(text, yaml.SafeLoader)]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        message = error.problem or "is not YAML"
        raise DocumentError(source, [Fault(line, column, "", message)]) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        fault = Fault(line, 1, "", f"the character #x{error.character:04x} is not allowed")
        raise DocumentError(source, [fault]) from None


def _bomb(text: str) -> str:
    """Why a short text would take long, or much memory, to read; empty if it would not."""
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            return "aliases (*name) are not accepted"
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            return f"nested more than {MAX_DEPTH} deep"
    return ""


def _reading(node: yaml.Node) -> _Reading:
    reading = _Reading()
    reading.value = _value(node, (), reading)
    reading.places[()] = _place(node)
    return reading


def _value(node: yaml.Node, where: Where, reading: _Reading) -> object:
    reading.places.setdefault(where, _place(node))
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, where, reading)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*where, i), reading) for i, item in enumerate(node.value)]
    try:
        scalar: object = yaml.constructor.SafeConstructor().construct_object(node)
    except (yaml.constructor.ConstructorError, ValueError):
        message = f"{node.value!r} is not {node.tag.removeprefix('tag:yaml.org,2002:')!r}"
        reading.faults.append(Fault(*_place(node), _path(where), message, "write it in quotes"))
        return None
    return scalar


def _mapping(node: yaml.MappingNode, where: Where, reading: _Reading) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            reading.faults.append(Fault(*_place(key), _path(where), "a key must be text"))
            continue
        # A key is the text that stands there: `no: category` is about a column named "no".
        name: str = key.value
        below = (*where, name)
        if name in found:
            first = reading.places[below][0]
            fault = Fault(*_place(key), _path(below), f"is given twice, first in line {first}")
            reading.faults.append(fault)
            continue
        reading.places[below] = _place(key)
        found[name] = _value(value, below, reading)
    return found


def _place(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _path(where: Where) -> str:
    text = ""
    for step in where:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.removeprefix(".")


def _repeated(
    found: Sequence[Monitor | RetrainSubscription | Quotas], readings: list[_Reading]
) -> list[Fault]:
    seen: set[tuple[str, str]] = set()
    faults = []
    for document, reading in zip(found, readings, strict=True):
        if (document.kind, document.name) in seen:
            message = f"an earlier document of this file is named {document.name!r} too"
            faults.append(reading.fault(Complaint(("metadata", "name"), message)))
        seen.add((document.kind, document.name))
    return faults


def _beside(folder: Path, monitor: Monitor) -> Monitor:
    reference = _reference_beside(folder, monitor.spec.reference)
    spec = _files_beside(folder, monitor.spec).model_copy(update={"reference": reference})
    return monitor.model_copy(update={"spec": spec})


def _subscribed(folder: Path, subscription: RetrainSubscription) -> RetrainSubscription:
    spec = _files_beside(folder, subscription.spec)
    return subscription.model_copy(update={"spec": spec})


def _reference_beside(folder: Path, reference: Reference) -> BaseModel:
    if reference.url is None or "://" in reference.url:
        return reference
    return reference.model_copy(update={"url": _absolute(folder, reference.url)})


def _files_beside(folder: Path, section: BaseModel) -> BaseModel:
    """The section with every `…_file` that it names, however deep, made absolute."""
    given = {name: getattr(section, name) for name in section.model_fields_set}
    return section.model_copy(
        update={name: _file_beside(folder, name, value) for name, value in given.items()}
    )


def _file_beside(folder: Path, name: str, value: object) -> object:
    if isinstance(value, BaseModel):
        return _files_beside(folder, value)
    if isinstance(value, tuple):
        return tuple(_file_beside(folder, name, item) for item in value)
    if isinstance(value, str) and name.endswith("_file"):
        return _absolute(folder, value)
    return value


def _absolute(folder: Path, path: str) -> str:
    return os.path.abspath(folder / Path(path).expanduser())  # noqa: PTH100 - keeps symlinks
