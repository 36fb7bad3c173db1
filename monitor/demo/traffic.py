"""Sends the simulated rides to the model, day by day, and the true seat counts a day later.

    python -m monitor.demo.traffic --model http://127.0.0.1:8600 --ingest http://127.0.0.1:8601 \\
        --warehouse rides --first-day 2020-02-10 --lockdown 2020-03-16 --day-seconds 0.5

Requests hold 10 to 25 rides and alternate between KServe's V1 and V2. A working day takes
`--day-seconds`; nights and weekends take nothing, but for the night in which a new model is
deployed: the file `--night` says for which labelled days a retraining waits, and while it is there
no day begins after the last of them. For every day it prints one JSON line, and when the day's
truth is known it puts the rides, predictions and truth into the warehouse as `<day>.parquet`, which
is what a new model can learn from.
"""

import argparse
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count
from pathlib import Path

import httpx2
import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from detectors.columns import Floats
from monitor.demo import kserve
from monitor.demo.days import working_days
from monitor.demo.rides import FEATURES, TARGET, TIME, simulate
from monitor.demo.world import NAME, PREDICTION

ID = "prediction_id"

_ATTEMPTS = 4
_FIRST_PAUSE_S = 0.05
_TIMEOUT_S = 10.0
_NIGHT_S = 0.05
"""Between two looks whether the night is over."""


@dataclass(frozen=True, slots=True)
class World:
    """Which days are simulated, and how."""

    first_day: date
    rows_per_day: int
    seed: int
    lockdown: date | None

    def days(self, n: int | None) -> Iterator[date]:
        """The working days among the first `n` days; of all days to come if n is None."""
        weeks = count() if n is None else range(-(-n // 7))
        for week in weeks:
            days = 7 if n is None else min(7, n - 7 * week)
            yield from working_days(self.first_day + timedelta(days=7 * week), days)

    def rides(self, day: date) -> pa.Table:
        return simulate(day, 1, self.rows_per_day, self.seed, self.lockdown)


@dataclass(frozen=True, slots=True)
class SentDay:
    """A day's rides that the model answered, with prediction ids and predictions."""

    day: date
    rides: pa.Table
    n_requests: int
    n_failed: int


@dataclass(frozen=True, slots=True)
class Pace:
    """Spreads a day's requests over its share of real time."""

    day_s: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def over(self, n: int) -> Iterator[int]:
        """Counts from 0 to n, each number when its moment has come."""
        start = self.clock()
        for i in range(n):
            yield i
            self._wait(start + self.day_s * (i + 1) / n - self.clock())

    def _wait(self, seconds: float) -> None:
        if seconds > 0:
            self.sleep(seconds)


def send(
    day: date, rides: pa.Table, model: httpx2.Client, pace: Pace, rng: np.random.Generator
) -> SentDay:
    """Asks the model about a day's rides; what fails again and again is counted and left out."""
    requests = list(_requests(rides, rng))
    answered: list[pa.Table] = []
    for i, request in zip(pace.over(len(requests)), requests, strict=True):
        request_id = f"{day}-{i:03d}"
        try:
            predicted = _predict(model, request, request_id, pace, v2=i % 2 == 1)
        except httpx2.HTTPError:
            continue
        answered.append(_answered(request, request_id, predicted))
    return SentDay(
        day=day,
        rides=pa.concat_tables(answered) if answered else rides.slice(0, 0),
        n_requests=len(requests),
        n_failed=len(requests) - len(answered),
    )


def _requests(rides: pa.Table, rng: np.random.Generator) -> Iterator[pa.Table]:
    at = 0
    while at < rides.num_rows:
        size = int(rng.integers(10, 26))
        yield rides.slice(at, size)
        at += size


def _predict(
    model: httpx2.Client, rides: pa.Table, request_id: str, pace: Pace, *, v2: bool
) -> Floats:
    columns = {name: rides[name].to_pylist() for name in FEATURES}
    path = f"/v2/models/{NAME}/infer" if v2 else f"/v1/models/{NAME}:predict"
    body = kserve.v2_request(request_id, columns) if v2 else kserve.v1_request(columns)
    moment = rides[TIME][0].as_py().isoformat(timespec="seconds")
    headers = {"X-Request-Id": request_id, "X-Event-Time": moment}
    return kserve.predictions(post(model, path, body, headers, sleep=pace.sleep))


def post(
    client: httpx2.Client,
    path: str,
    body: object,
    headers: dict[str, str] | None = None,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> object:
    """The JSON answer; asks again, with growing pauses, where nobody answers or 5xx does.

    Raises httpx2.HTTPError after the last attempt, and at once for 4xx.
    """
    content = orjson.dumps(body)
    headers = {"Content-Type": "application/json", **(headers or {})}
    for attempt in range(_ATTEMPTS):
        try:
            answer = client.post(path, content=content, headers=headers)
            answer.raise_for_status()
        except httpx2.HTTPError as error:
            if attempt == _ATTEMPTS - 1 or not _worth_another_try(error):
                raise
            sleep(_FIRST_PAUSE_S * 2**attempt)
        else:
            break
    parsed: object = orjson.loads(answer.content)
    return parsed


def _worth_another_try(error: httpx2.HTTPError) -> bool:
    return not isinstance(error, httpx2.HTTPStatusError) or error.response.status_code >= 500


def _answered(rides: pa.Table, request_id: str, predicted: Floats) -> pa.Table:
    n = rides.num_rows
    ids = [request_id] if n == 1 else [f"{request_id}/{i}" for i in range(n)]
    return rides.append_column(ID, pa.array(ids)).append_column(PREDICTION, pa.array(predicted))


def send_labels(sent: SentDay, ingest: httpx2.Client) -> int:
    """Tells the true seat counts of a day; returns how many were accepted."""
    ids, truth = sent.rides[ID].to_pylist(), sent.rides[TARGET].to_pylist()
    rows = [{"id": id_, "label": label} for id_, label in zip(ids, truth, strict=True)]
    answer = post(ingest, "/v1/labels", {"monitor": NAME, "rows": rows})
    return int(answer["accepted"]) if isinstance(answer, dict) else 0


def store(sent: SentDay, warehouse: Path) -> None:
    """Puts a day into the warehouse, complete or not at all."""
    warehouse.mkdir(parents=True, exist_ok=True)
    unfinished = warehouse / f"{sent.day}.unfinished"
    pq.write_table(sent.rides, unfinished)
    unfinished.rename(warehouse / f"{sent.day}.parquet")


def run(
    world: World,
    days: Iterator[date],
    model: httpx2.Client,
    ingest: httpx2.Client,
    warehouse: Path,
    pace: Pace,
    night: Path | None = None,
) -> Iterator[dict[str, object]]:
    """Sends the days one after the other; the truth of each follows at the end of the next.

    night: a file in which a retraining says for which labelled days it waits; no day begins once
        they are in the warehouse, until the file is gone.

    Yields a summary of every day.
    """
    unlabelled: deque[SentDay] = deque()
    for day in days:
        while night is not None and _is_deploying(night, warehouse):
            pace.sleep(_NIGHT_S)
        rng = np.random.default_rng((world.seed, day.toordinal(), 3))
        unlabelled.append(send(day, world.rides(day), model, pace, rng))
        n_labelled = 0
        if len(unlabelled) > 1:
            n_labelled = _reveal(unlabelled.popleft(), ingest, warehouse)
        yield _summary(unlabelled[-1], n_labelled)
    for sent in unlabelled:
        _reveal(sent, ingest, warehouse)


def _is_deploying(night: Path, warehouse: Path) -> bool:
    """Whether a retraining has all that it waits for, and is not done."""
    try:
        wanted = orjson.loads(night.read_bytes())
    except FileNotFoundError:
        return False
    labelled = [path for path in warehouse.glob("*.parquet") if path.stem >= wanted["since"]]
    return len(labelled) >= int(wanted["days"])


def _reveal(sent: SentDay, ingest: httpx2.Client, warehouse: Path) -> int:
    """Tells the truth of a day to the monitor and to the warehouse; how much the former took."""
    if not sent.rides.num_rows:
        return 0
    store(sent, warehouse)
    try:
        return send_labels(sent, ingest)
    except httpx2.HTTPError:
        return 0


def _summary(sent: SentDay, n_labelled: int) -> dict[str, object]:
    return {
        "day": sent.day.isoformat(),
        "rows": sent.rides.num_rows,
        "requests": sent.n_requests,
        "failed": sent.n_failed,
        "labelled": n_labelled,
        "mean_free_seats": pc.mean(sent.rides[TARGET]).as_py() if sent.rides.num_rows else None,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m monitor.demo.traffic",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", required=True, help="URL of the model server or its collector")
    parser.add_argument("--ingest", required=True, help="URL that takes labels")
    parser.add_argument("--warehouse", type=Path, required=True, help="folder for what happened")
    parser.add_argument("--night", type=Path, help="a file; says when a model is deployed")
    parser.add_argument("--first-day", type=date.fromisoformat, required=True)
    parser.add_argument("--days", type=int, help="stop after so many days; never, if not given")
    parser.add_argument("--lockdown", type=date.fromisoformat, help="its first day; default: none")
    parser.add_argument("--rows-per-day", type=int, default=500)
    parser.add_argument("--day-seconds", type=float, default=0.5)
    parser.add_argument("--seed", type=int, default=7)
    return parser


def main() -> None:
    """Runs until the days are over or somebody says stop."""
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    world = World(options.first_day, options.rows_per_day, options.seed, options.lockdown)
    days, pace = world.days(options.days), Pace(options.day_seconds)
    try:
        with (
            httpx2.Client(base_url=options.model, timeout=_TIMEOUT_S) as model,
            httpx2.Client(base_url=options.ingest, timeout=_TIMEOUT_S) as ingest,
        ):
            warehouse, night = options.warehouse, options.night
            for line in run(world, days, model, ingest, warehouse, pace, night):
                print(orjson.dumps(line).decode(), flush=True)
    except KeyboardInterrupt:
        raise SystemExit(0) from None


if __name__ == "__main__":
    main()
