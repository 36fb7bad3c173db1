"""What systems that retrain publish of their APIs, written down from their documents.

A request must fit its description to the letter: method, path and query, headers, every member of
the body.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Json = Any

ID = r"retrain_[0-9a-f]{32}"
NAME = r"retrain-[0-9a-f]{32}"

TEXT = {"type": "string", "minLength": 1}
THE_ID = {"type": "string", "pattern": f"^{ID}$"}
THE_NAME = {"type": "string", "pattern": f"^{NAME}$"}
EVENT = {
    "type": "object",
    "required": ["specversion", "id", "type", "source", "time", "datacontenttype", "data"],
    "properties": {"specversion": {"const": "1.0"}, "id": THE_ID},
}
BEARER, BASIC = r"Bearer secret-of-token", r"Basic dXNlcjpzZWNyZXQtb2YtcGFzc3dvcmQ="
JSON_TYPE, CLOUD_EVENT = r"application/json", r"application/cloudevents\+json; charset=utf-8"


def exactly(required: dict[str, Json], **optional: Json) -> dict[str, Json]:
    """The schema of an object that has these members and no others."""
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **optional},
        "additionalProperties": False,
    }


def every(schema: Json) -> dict[str, Json]:
    """The schema of a map with values of one kind."""
    return {"type": "object", "minProperties": 1, "additionalProperties": schema}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation of an API. path: a pattern, of the path with its query.

    good, again: status and body of the answer to a request, and to the same once more.
    """

    path: str
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": JSON_TYPE})
    body: Json = None
    form: Json = None
    good: tuple[int, Json] = (200, {})
    again: tuple[int, Json] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """source: where it is published. settings: of a document that asks this system, without URL.

    find: gives what became of a run, and `found` its answer for one of the published `states`,
    which are the words for running, for succeeded and for failed.
    """

    source: str
    settings: Mapping[str, Json]
    start: Operation
    states: tuple[str, str, str] = ("", "", "")
    find: Operation | None = None
    found: str = ""
    none: tuple[int, Json] = (404, {})
    login: Operation | None = None
    url: str = ""


def read(authorization: str) -> dict[str, str]:
    return {"authorization": authorization}


def write(authorization: str) -> dict[str, str]:
    return {"authorization": authorization, "content-type": JSON_TYPE}
