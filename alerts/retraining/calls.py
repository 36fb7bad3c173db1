"""HTTP calls described by data: templates, and what is put into them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote, urlencode

import orjson

Json = Any
Facts = Mapping[str, Json]
"""What templates may name, by name."""

_PLACE = re.compile(r"\{([a-z_]+)\}")


PLACES = frozenset(
    {
        *("id", "name", "monitor", "cause", "why", "reference_id", "window_start", "window_end"),
        *("training_from", "training_to", "export", "callback", "event"),
    }
)
"""The facts that a document's own templates may name."""


class UnknownPlaceError(ValueError):
    """A template names what there is not."""


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request that is ready to be sent."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A template of a request. In the path, the headers and the body `{name}` is a fact.

    path: after the system's URL; what is put into it is percent-encoded.
    body: JSON; a string that is one place becomes the fact, of whatever type, and a member whose
        fact is None is left out. form: it is sent as a form.
    """

    method: Literal["GET", "POST"] = "POST"
    path: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Json = None
    form: bool = False

    def request(self, url: str, facts: Facts) -> Request:
        """The request to the system at `url`, which may have places too.

        Raises UnknownPlaceError.
        """
        body, headers = b"", {name: filled(text, facts) for name, text in self.headers.items()}
        if self.body is not None and self.form:
            body = urlencode(fill(self.body, facts)).encode()
            headers["content-type"] = "application/x-www-form-urlencoded"
        elif self.body is not None:
            body = orjson.dumps(fill(self.body, facts))
            headers.setdefault("content-type", "application/json")
        return Request(self.method, _path(url.rstrip("/") + self.path, facts), headers, body)


def fill(template: Json, facts: Facts) -> Json:
    """A template of JSON with its places filled, and without members that are None."""
    if isinstance(template, str):
        whole = _PLACE.fullmatch(template)
        return _fact(whole[1], facts) if whole else filled(template, facts)
    if isinstance(template, Mapping):
        members = {key: fill(value, facts) for key, value in template.items()}
        return {key: value for key, value in members.items() if value is not None or key in _KEPT}
    if isinstance(template, list):
        return [fill(item, facts) for item in template]
    return template


_KEPT = frozenset({"logical_date"})
"""Airflow wants it to be said that there is none."""


def filled(template: str, facts: Facts) -> str:
    """A text with its places filled; what is no text stands there as JSON."""
    return _PLACE.sub(lambda place: as_text(_fact(place[1], facts)), template)


def as_text(value: Json) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def places(template: str) -> set[str]:
    """The names of what a text's places ask for."""
    return set(_PLACE.findall(template))


def _path(template: str, facts: Facts) -> str:
    def encoded(place: re.Match[str]) -> str:
        return quote(as_text(_fact(place[1], facts)), safe="")

    return _PLACE.sub(encoded, template)


def _fact(name: str, facts: Facts) -> Json:
    if name not in facts:
        raise UnknownPlaceError(f"{{{name}}} is not known; there are {', '.join(sorted(facts))}")
    return facts[name]


def pointed(document: Json, pointer: str) -> Json:
    """What a JSON pointer leads to, None if that is nowhere. RFC 6901, without escapes."""
    for step in pointer.split("/")[1:]:
        if isinstance(document, Mapping):
            document = document.get(step)
        elif isinstance(document, list) and step.isdigit() and int(step) < len(document):
            document = document[int(step)]
        else:
            return None
    return document
