"""A retraining pipeline: a signed webhook asks for a new model, and gets one.

    python -m monitor.demo.pipeline --port 8602 --secret-file secret --folder . \\
        --model-server http://127.0.0.1:8501 --api http://127.0.0.1:8600

It answers a request at once, and works on it afterwards: waits until the warehouse holds two
weeks of labelled rides since the incident began, learns from them, and puts the new model and the
new reference beside the old ones. Both are deployed in one night, so that no day is predicted by
the one and judged by the other's reference: the monitor is told of the reference, and when that is
in force the model server loads the model. It prints one JSON line for every step.
"""

import argparse
import threading
import time
from collections.abc import Callable, Iterator, Mapping
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

from alerts.webhooks import SignatureError, verify
from monitor.apply.client import Client
from monitor.demo import model
from monitor.demo.rides import FEATURES, TARGET, TIME
from monitor.demo.world import NAME, Folder

Step = Mapping[str, Any]
Tell = Callable[[Step], None]

_POLL_S = 0.2
_TIMEOUT_S = 30.0
_HEARD_S = 1.0
"""Until whoever counts has heard of a revision that is in force: a few tenths of a second."""


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
    wait: Callable[[float], None]

    def retrain(self, since: date) -> Iterator[Step]:
        """Waits for data, learns, promotes; yields what was done after every step."""
        wanted = {"since": since.isoformat(), "days": self.days}
        planned = self.folder.night.with_suffix(".unfinished")
        planned.write_bytes(orjson.dumps(wanted))
        planned.rename(self.folder.night)
        try:
            yield {"step": "waiting", **wanted}
            yield from self._deploy(self._rides(since))
        finally:
            self.folder.night.unlink()

    def _deploy(self, rides: pa.Table) -> Iterator[Step]:
        yield {"step": "training", "rows": rides.num_rows, "days": self.days}
        reference = self._learn(rides)
        yield {
            "step": "trained",
            "error_before": model.mean_error(rides),
            "error_after": model.mean_error(reference),
        }
        yield {"step": "reference promoted", **self._promote_reference()}
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

    def _promote_reference(self) -> Step:
        """Tells the monitor of the newest model's reference and waits until it is in force.

        Raises RuntimeError, with the reason given, where it is refused.
        """
        version = model.newest(self.folder.models)[0]
        put = self.api.put_monitor(self.folder.document(version))
        now = self.api.settle(NAME, put["revision"], timeout_s=_TIMEOUT_S)
        if now["status"] != "active":
            raise RuntimeError(f"the new reference was refused: {now['reason']}")
        self.wait(_HEARD_S)
        return {"revision": now["revision"], "reference": now["reference"]["id"]}


def receiver(secret: str, requests: SimpleQueue[date], tell: Tell) -> FastAPI:
    """The endpoint of the webhook: 401 without a good signature, 422 without an incident's
    beginning, else 202 at once.

    A request is put into `requests` as the day on which the incident began. One that was seen
    before, which is allowed to happen, is answered the same and does nothing.
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
            since = _incident_began(orjson.loads(body))
        except SignatureError as error:
            return _refused(HTTPStatus.UNAUTHORIZED, error, tell)
        except ValueError as error:
            return _refused(HTTPStatus.UNPROCESSABLE_ENTITY, error, tell)
        message = request.headers["webhook-id"]
        if message not in seen:
            seen.add(message)
            tell({"step": "webhook verified", "id": message})
            requests.put(since)
        return JSONResponse({"accepted": message}, HTTPStatus.ACCEPTED)

    return app


def _refused(status: HTTPStatus, error: Exception, tell: Tell) -> JSONResponse:
    tell({"step": "refused", "reason": str(error)})
    return JSONResponse({"error": str(error)}, status)


def _incident_began(payload: object) -> date:
    """The first day of the windows that drifted, in a request as Driftmeter sends it."""
    match payload:
        case {"data": {"alert": {"first_window": {"start": str(text)}}}}:
            return datetime.fromisoformat(text).date()
    raise ValueError("the request does not say when the incident began")


def work(pipeline: Pipeline, requests: SimpleQueue[date], tell: Tell) -> None:
    """Serves the requests one after the other, for ever; a failure is told and ends one request."""
    while True:
        since = requests.get()
        try:
            for step in pipeline.retrain(since):
                tell(step)
        except Exception as error:  # noqa: BLE001 - whatever it was, the next request is still served
            tell({"step": "failed", "reason": f"{type(error).__name__}: {error}"})


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
    requests: SimpleQueue[date] = SimpleQueue()
    with (
        httpx2.Client(base_url=options.model_server, timeout=_TIMEOUT_S) as model_server,
        Client(options.api) as api,
    ):
        pipeline = Pipeline(
            Folder(options.folder), options.days, options.seed, model_server, api, time.sleep
        )
        threading.Thread(target=work, args=(pipeline, requests, _print), daemon=True).start()
        app = receiver(options.secret_file.read_text().strip(), requests, _print)
        uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="warning")


def _print(step: Step) -> None:
    print(orjson.dumps(step).decode(), flush=True)


if __name__ == "__main__":
    main()
