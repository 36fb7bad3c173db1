"""A retraining pipeline: a signed webhook asks for a new model, and gets one.

    python -m monitor.demo.pipeline --port 8602 --secret-file secret --folder . \\
        --model-server http://127.0.0.1:8501 --api http://127.0.0.1:8600

It answers a request at once, and works on it afterwards: waits until the warehouse holds two
weeks of labelled rides since the incident began, learns from them, and puts the new model and the
new reference beside the old ones. Both are deployed in one night, so that no day is predicted by
the one and judged by the other's reference: with the news that it is promoted the monitor is told
of the reference, and when that is in force the model server loads the model. What becomes of a
request is reported to its callback, signed by the same secret. It prints one JSON line for every
step.
"""

import argparse
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from http import HTTPStatus
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import httpx2
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from alerts.webhooks import SignatureError, sign, verify
from monitor.apply.client import Client
from monitor.demo import model
from monitor.demo.rides import FEATURES, TARGET, TIME
from monitor.demo.world import NAME, Folder

Step = Mapping[str, Any]
Tell = Callable[[Step], None]

_POLL_S = 0.2
_TIMEOUT_S = 30.0
_TRIES, _RETRY_S = 20, 1.0
_HEARD_S = 1.0
"""Until whoever counts has heard of a revision that is in force: a few tenths of a second."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request: the day on which the incident began, and where to say what becomes of it."""

    since: date
    callback: str


@dataclass(frozen=True, slots=True)
class Callback:
    """Says what becomes of a request, where that asks for it; again, while the server is busy.

    wait: sleeps so many seconds.
    """

    http: httpx2.Client
    secret: str
    wait: Callable[[float], None]

    def say(self, wanted: Wanted, state: str, **more: object) -> Mapping[str, Any]:
        """What is answered: `revision` is the monitor's, if a reference made a new one."""
        body = orjson.dumps({"state": state, **more})
        for _ in range(_TRIES):
            signed = sign(self.secret, f"{state}-{wanted.since}", time.time(), body)
            answer = self.http.post(wanted.callback, content=body, headers=signed)
            if answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
                break
            self.wait(_RETRY_S)
        said: Mapping[str, Any] = answer.raise_for_status().json()
        return said


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Where the pipeline finds and leaves things, and how it waits.

    days: as many labelled working days make a training set.
    wait: sleeps so many seconds.
    """

    folder: Folder
    days: int
    seed: int
    model_server: httpx2.Client
    api: Client
    callback: Callback
    wait: Callable[[float], None]

    def retrain(self, wanted: Wanted) -> Iterator[Step]:
        """Waits for data, learns, promotes; yields what was done after every step."""
        awaited = {"since": wanted.since.isoformat(), "days": self.days}
        planned = self.folder.night.with_suffix(".unfinished")
        planned.write_bytes(orjson.dumps(awaited))
        planned.rename(self.folder.night)
        try:
            yield {"step": "waiting", **awaited}
            yield from self._deploy(wanted, self._rides(wanted.since))
        finally:
            self.folder.night.unlink()

    def _deploy(self, wanted: Wanted, rides: pa.Table) -> Iterator[Step]:
        self.callback.say(wanted, "running")
        yield {"step": "training", "rows": rides.num_rows, "days": self.days}
        reference = self._learn(rides)
        self.callback.say(wanted, "succeeded")
        yield {
            "step": "trained",
            "error_before": model.mean_error(rides),
            "error_after": model.mean_error(reference),
        }
        yield {"step": "reference promoted", **self._promote_reference(wanted)}
        yield {"step": "model promoted", "version": self._promote_model()}

    def _rides(self, since: date) -> pa.Table:
        """The rides of the latest `days` labelled days since then, as soon as there are so many."""
        while len(days := self._labelled(since)) < self.days:
            self.wait(_POLL_S)
        return pa.concat_tables([pq.read_table(path) for path in days[-self.days :]])

    def _labelled(self, since: date) -> list[Path]:
        days = self.folder.warehouse.glob("*.parquet")
        return sorted(path for path in days if date.fromisoformat(path.stem) >= since)

    def _learn(self, rides: pa.Table) -> pa.Table:
        """Writes the next version of the model and its reference; returns the reference."""
        version = model.newest(self.folder.models)[0] + 1
        columns = rides.select([TIME, *FEATURES, TARGET])
        reference = model.cross_predicted(columns, self.seed)
        pq.write_table(reference, self.folder.reference(version))
        model.save(model.train(columns, self.seed), self.folder.models, version)
        return reference

    def _promote_model(self) -> int:
        answer = self.model_server.post(f"/v2/repository/models/{NAME}/load").raise_for_status()
        return int(answer.json()["version"])

    def _promote_reference(self, wanted: Wanted) -> Step:
        """Reports the newest model as promoted, and waits until its reference is in force.

        Raises RuntimeError, with the reason given, where it is refused.
        """
        version = model.newest(self.folder.models)[0]
        reference = self.folder.document(version).spec.reference.model_dump(exclude_unset=True)
        said = self.callback.say(
            wanted, "promoted", model_version=str(version), reference=reference
        )
        now = self.api.settle(NAME, said["revision"], timeout_s=_TIMEOUT_S)
        if now["status"] != "active" or now["reference"] is None:
            raise RuntimeError(f"the new reference was refused: {now['reason']}")
        self.wait(_HEARD_S)
        return {"revision": now["revision"], "reference": now["reference"]["id"]}


def receiver(secret: str, requests: SimpleQueue[Wanted], tell: Tell) -> FastAPI:
    """The endpoint of the webhook: 401 without a good signature, 422 without an incident's
    beginning or a callback, else 202 at once.

    A request is put into `requests`. One that was seen before, which is allowed to happen, is
    answered the same and does nothing.
    """
    app = FastAPI(title="retraining", docs_url=None, redoc_url=None)
    seen: set[str] = set()

    @app.get("/healthz")
    async def healthz() -> Step:
        return {"ready": True}

    @app.post("/retrain")
    async def retrain(request: Request) -> JSONResponse:
        body = await request.body()
        try:
            verify(secret, request.headers, body, now=time.time())
            wanted = _wanted(orjson.loads(body))
        except SignatureError as error:
            return _refused(HTTPStatus.UNAUTHORIZED, error, tell)
        except ValueError as error:
            return _refused(HTTPStatus.UNPROCESSABLE_ENTITY, error, tell)
        message = request.headers["webhook-id"]
        if message not in seen:
            seen.add(message)
            tell({"step": "webhook verified", "id": message})
            requests.put(wanted)
        return JSONResponse({"accepted": message}, HTTPStatus.ACCEPTED)

    return app


def _refused(status: HTTPStatus, error: Exception, tell: Tell) -> JSONResponse:
    tell({"step": "refused", "reason": str(error)})
    return JSONResponse({"error": str(error)}, status)


def _wanted(payload: object) -> Wanted:
    """In a request as Driftmeter sends it: the first day of the windows that drifted."""
    match payload:
        case {
            "data": {
                "alert": {"first_window": {"start": str(text)}},
                "retrain": {"callback": str(callback)},
            }
        }:
            return Wanted(datetime.fromisoformat(text).date(), callback)
    raise ValueError("the request does not say when the incident began, or where to report")


def work(pipeline: Pipeline, requests: SimpleQueue[Wanted], tell: Tell) -> None:
    """Serves the requests one after the other, for ever; a failure is told and ends one request."""
    while True:
        wanted = requests.get()
        try:
            for step in pipeline.retrain(wanted):
                tell(step)
        except Exception as error:  # noqa: BLE001 - whatever it was, the next request is still served
            reason = f"{type(error).__name__}: {error}"
            tell({"step": "failed", "reason": reason})
            with suppress(httpx2.HTTPError):  # then it is unanswered, which raises an alert
                pipeline.callback.say(wanted, "failed", detail=reason[:1000])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m monitor.demo.pipeline",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1")
    parser.add_argument("--secret-file", type=Path, required=True, help="the webhook's secret")
    parser.add_argument("--folder", type=Path, required=True, help="the demo's folder")
    parser.add_argument("--model-server", required=True, help="URL of the model server")
    parser.add_argument("--api", required=True, help="URL of the monitor's API")
    parser.add_argument("--days", type=int, default=10, help="working days to learn from")
    parser.add_argument("--seed", type=int, default=7)
    return parser


def main() -> None:
    options = _parser().parse_args()
    requests: SimpleQueue[Wanted] = SimpleQueue()
    secret = options.secret_file.read_text().strip()
    with (
        httpx2.Client(base_url=options.model_server, timeout=_TIMEOUT_S) as model_server,
        httpx2.Client(timeout=_TIMEOUT_S) as http,
        Client(options.api) as api,
    ):
        pipeline = Pipeline(
            folder=Folder(options.folder),
            days=options.days,
            seed=options.seed,
            model_server=model_server,
            api=api,
            callback=Callback(http, secret, time.sleep),
            wait=time.sleep,
        )
        threading.Thread(target=work, args=(pipeline, requests, _print), daemon=True).start()
        app = receiver(secret, requests, _print)
        uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="warning")


def _print(step: Step) -> None:
    print(orjson.dumps(step).decode(), flush=True)


if __name__ == "__main__":
    main()
