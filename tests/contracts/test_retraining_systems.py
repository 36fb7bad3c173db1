"""Every system that can be asked to retrain, against a server that knows what it has published."""

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import jsonschema
import pytest

from alerts.delivery import Outcome, Result
from alerts.guard import Guard
from alerts.notification import Notification, Origin
from alerts.retraining import event, starting
from alerts.retraining.event import Rows, Stretch, TrainingData
from alerts.retraining.lifecycle import RetrainState
from alerts.retraining.starting import Pipeline
from alerts.retraining.system import Repeat
from alerts.retraining.systems import SYSTEMS
from monitor.spec.pipelines import KINDS, Start
from tests.alerts.reports import DAY, firing
from tests.contracts import published_systems
from tests.contracts.published_systems import Operation, Published

NOW = 1_600_000_000.0
LOOPBACK = Guard(allow=(ip_network("127.0.0.0/8"),))
EVERY = published_systems.SYSTEMS
FINDABLE = {name: one for name, one in EVERY.items() if one.find}

Answer = tuple[int, Any]


@dataclass
class Strict:
    """A server that answers what fits a published operation, and 400 with the reason otherwise."""

    published: Published
    port: int = 0
    forced: Answer | None = None
    """What a start is answered instead."""
    state: str | None = None
    """The system's word for the state of the run; None while there is none."""
    n_starts: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.published.url}"

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        complaints = []
        for operation, reply in self._operations():
            complaint = _misfit(operation, method, path, headers, body)
            if complaint is None:
                return reply()
            complaints.append(complaint)
        self.faults.append("; ".join(complaints))
        return 400, {"faults": complaints}

    def _operations(self) -> Iterator[tuple[Operation, Callable[[], Answer]]]:
        published = self.published
        if published.login is not None:
            good = published.login.good
            yield published.login, lambda: good
        if published.find is not None:
            yield published.find, self._found
        yield published.start, self._started

    def _started(self) -> Answer:
        if self.forced is not None:
            return self.forced
        self.n_starts += 1
        again = self.published.start.again
        return again if again is not None and self.n_starts > 1 else self.published.start.good

    def _found(self) -> Answer:
        if self.state is None:
            return self.published.none
        request_id = event.request_id(firing())
        known = {"word": self.state, "id": request_id, "name": request_id.replace("_", "-")}
        text = re.sub("<([a-z]+)>", lambda place: known[place[1]], self.published.found)
        return 200, json.loads(text)


def _misfit(
    operation: Operation, method: str, path: str, headers: Mapping[str, str], body: bytes
) -> str | None:
    """What of a request is not as published."""
    if method != operation.method or not re.fullmatch(operation.path, path):
        return f"{method} {path} is not {operation.method} {operation.path}"
    for name, pattern in operation.headers.items():
        if not re.fullmatch(pattern, headers.get(name, "")):
            return f"header {name}: {headers.get(name)!r} is not {pattern}"
    schema = operation.form or operation.body
    if schema is None:
        return "there is a body" if body else None
    try:
        said = dict(parse_qsl(body.decode())) if operation.form else json.loads(body)
        jsonschema.validate(said, schema)
    except (ValueError, jsonschema.ValidationError) as error:
        return str(error)
    return None


@contextmanager
def serving(published: Published) -> Iterator[Strict]:
    strict = Strict(published)

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, said = strict.answer(self.command, self.path, headers, body)
            told = b"" if said is None else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        do_GET = do_POST = _answer  # noqa: N815  http.server's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its name there
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        strict.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield strict
        finally:
            server.shutdown()
            thread.join()


def pipeline(name: str, strict: Strict, folder: Path) -> Pipeline:
    """The system as a document asks it, with its secrets in files."""
    for secret in ("token", "password"):
        (folder / secret).write_text(f"secret-of-{secret}\n")
    (folder / "aws").write_text(
        "[default]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = secret\n"
    )
    settings = {
        key: str(folder / value)
        if key.endswith("_file")
        else value.replace("URL", f"http://127.0.0.1:{strict.port}")
        if isinstance(value, str)
        else value
        for key, value in strict.published.settings.items()
    }
    kind = name.split(maxsplit=1)[0]
    document = Start.model_validate({kind: {**settings, "url": strict.url}})
    return starting.open(document.target(), LOOPBACK)


def request() -> Notification:
    made = event.request(
        firing(), Origin(), subscription="monitor", model={"name": "free-seats", "version": None}
    )
    rows = Rows(topic="driftmeter.predictions", stretches=(Stretch(0, 10, 20),))
    return event.located(made, TrainingData(start=0.0, end=DAY, predictions=rows, export=None))


@pytest.fixture(params=EVERY)
def asked(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Strict, Pipeline]]:
    with serving(EVERY[request.param]) as strict:
        yield strict, pipeline(request.param, strict, tmp_path)


@pytest.fixture(params=FINDABLE)
def findable(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Strict, Pipeline]]:
    with serving(FINDABLE[request.param]) as strict:
        yield strict, pipeline(request.param, strict, tmp_path)


def test_every_system_is_tested_here() -> None:
    assert {name.replace("airflow 2", "airflow2") for name in EVERY} == set(SYSTEMS)
    assert {name.split()[0] for name in EVERY} == set(KINDS)


def test_a_start_is_what_the_system_has_published(asked: tuple[Strict, Pipeline]) -> None:
    strict, system = asked
    outcome = system.send(request(), now=NOW)
    assert strict.faults == []
    assert outcome.result is Result.DELIVERED
    assert strict.n_starts == 1


def test_a_second_start_has_the_effect_of_one(asked: tuple[Strict, Pipeline]) -> None:
    strict, system = asked
    system.send(request(), now=NOW)
    if strict.published.find:
        strict.state = strict.published.states[0].split()[0]
    assert system.send(request(), now=NOW + 60).result is Result.DELIVERED
    repeat = system.system.repeat
    assert strict.n_starts == (1 if repeat is Repeat.LOOK else 2)
    assert strict.faults == []


@pytest.mark.parametrize(
    ("status", "result"),
    [
        (400, Result.FAILED),
        (401, Result.FAILED),
        (404, Result.FAILED),
        (302, Result.FAILED),
        (410, Result.GONE),
        (429, Result.RETRY),
        (500, Result.RETRY),
        (503, Result.RETRY),
    ],
)
def test_what_is_refused_is_no_start(
    asked: tuple[Strict, Pipeline], status: int, result: Result
) -> None:
    strict, system = asked
    strict.forced = (status, {})
    assert system.send(request(), now=NOW).result is result


def test_a_run_is_found_in_every_state_that_is_published(
    findable: tuple[Strict, Pipeline],
) -> None:
    strict, system = findable
    meanings = (RetrainState.RUNNING, RetrainState.SUCCEEDED, RetrainState.FAILED)
    assert system.look(request(), now=NOW) is None
    for words, meaning in zip(strict.published.states, meanings, strict=True):
        for strict.state in words.split():
            assert system.look(request(), now=NOW) is meaning, strict.state
    assert strict.faults == []


def test_a_word_that_is_not_known_says_nothing(findable: tuple[Strict, Pipeline]) -> None:
    strict, system = findable
    strict.state = "NEVER_HEARD_OF"
    assert system.look(request(), now=NOW) is None


def test_graphql_may_say_200_and_mean_no(tmp_path: Path) -> None:
    with serving(EVERY["dagster"]) as strict:
        strict.forced = (200, {"data": {"launchRun": {"__typename": "PipelineNotFoundError"}}})
        outcome = pipeline("dagster", strict, tmp_path).send(request(), now=NOW)
    assert outcome == Outcome(result=Result.FAILED, detail="Dagster answered PipelineNotFoundError")


def test_a_system_that_cannot_be_looked_into_is_tried_again(tmp_path: Path) -> None:
    with serving(EVERY["kubeflow"]) as strict:
        system = pipeline("kubeflow", strict, tmp_path)
    assert system.send(request(), now=NOW).result is Result.RETRY
    assert system.look(request(), now=NOW) is None


def test_secrets_are_not_shown(asked: tuple[Strict, Pipeline]) -> None:
    assert "secret" not in repr(asked[1])
