"""A real run to look at: two models that are asked all the time, of which one is carried off.

Everything that `driftmeter up` starts, with windows of seconds, and a Prometheus that scrapes it.
"""

import base64
import json
import time
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.error import HTTPError

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from monitor.apply.client import Client
from monitor.spec.model import Monitor
from monitor.up.starting import Addresses, Settings, start
from monitor.up.supervisor import Supervisor
from tests.support import prometheus
from tests.support.http_model import HttpModel, ok
from tests.support.prometheus import Prometheus
from tests.support.waiting import wait_for

MONITORS = ("free-seats", "fares")
WINDOW_S = 20
ROWS = 10
"""Of a request; there are five a second of each model."""

N_REFERENCE = 30_000
STOPS = ("harbour", "market", "station", "university")
NUMBERS = ("headway_min", "temperature", "boarded", "speed")


class Rides:
    """Rows of a tram line, and how many seats are free at the end of each."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def rows(self, n: int, *, shift: float = 0.0) -> dict[str, np.ndarray]:
        rng = self._rng
        return {
            "headway_min": rng.gamma(4.0, 1.5, n) + 6 * shift,
            "temperature": rng.normal(8.0, 5.0, n),
            "boarded": rng.poisson(20 * (1 - 0.7 * shift), n).astype(float),
            "speed": rng.normal(22.0, 4.0, n),
            "stop": rng.choice(STOPS, n, p=np.array([0.4, 0.3, 0.2, 0.1])),
        }

    def free_seats(self, rows: dict[str, np.ndarray], *, shift: float = 0.0) -> np.ndarray:
        noise = self._rng.normal(0.0, 4.0, len(rows["boarded"]))
        return predicted(rows) + noise + 25 * shift


def predicted(rows: dict[str, np.ndarray]) -> np.ndarray:
    """What the model says: seats that are free by its lights."""
    seats: np.ndarray = 80.0 - 1.2 * rows["boarded"] + 0.4 * rows["headway_min"]
    return seats


def answer(request: bytes) -> Iterable[bytes]:
    """A model server of KServe's V1 protocol; what is no JSON it answers with nonsense."""
    body = request.partition(b"\r\n\r\n")[2]
    try:
        instances = json.loads(body)["instances"]
    except ValueError:
        return [ok(b"?")]
    columns = {name: np.array([float(row[name]) for row in instances]) for name in NUMBERS}
    said = json.dumps({"predictions": [float(seats) for seats in predicted(columns)]})
    return [ok(said.encode(), b"X-Model-Version: " + (b"8" if b"X-New: 1" in request else b"7"))]


def documents(folder: Path, hooks: str) -> list[Monitor]:
    reference = folder / "training.parquet"
    rides = Rides(0)
    rows = rides.rows(N_REFERENCE)
    began, every_s = 1_700_000_000, WINDOW_S / (5 * ROWS)
    times = pa.array(began + np.arange(N_REFERENCE) * every_s)
    labels = rides.free_seats(rows)
    table = {"time": times, **rows, "prediction": predicted(rows), "free_seats": labels}
    parquet.write_table(pa.table(table), reference)
    secret = folder / "secret"
    secret.write_text("whsec_" + base64.b64encode(bytes(24)).decode())
    return [_document(name, reference, hooks, secret) for name in MONITORS]


def _document(name: str, reference: Path, hooks: str, secret: Path) -> Monitor:
    def hook(name: str) -> dict[str, str]:
        return {"name": name, "url": f"{hooks}/{name}", "secret_file": str(secret)}

    return Monitor.model_validate(
        {
            "apiVersion": "driftmeter.dev/v1",
            "kind": "Monitor",
            "metadata": {"name": name},
            "spec": {
                "reference": {"url": str(reference), "time": "time"},
                "columns": {"stop": "category"},
                "segments": ["stop"],
                "label": "free_seats",
                "label_horizon": "1m",
                "windows": [f"{WINDOW_S}s"],
                "lateness": "2s",
                "model": {"version_header": "X-Model-Version"},
                "alerts": {
                    "for": f"{2 * WINDOW_S}s",
                    "webhooks": [hook("operators")],
                },
                "retrain": {"webhooks": [hook("pipeline")]},
            },
        }
    )


def play(supervisor: Supervisor, program: Path, folder: Path, seconds: float) -> Prometheus:
    """Lets it run for so long. A third is quiet, then one model's riders stay away; after two
    thirds it has a new version, which is no better."""
    model, hook = HttpModel(answer, keeps=False), HttpModel(lambda _: [ok(b"")], keeps=False)
    addresses = start(
        supervisor, Settings(data=folder / "data", upstream=f"http://{model.address}", flush_s=1.0)
    )
    client = Client(addresses.api_url)
    for document in documents(folder, f"http://{hook.address}"):
        client.put_monitor(document)
    targets = {
        f"driftmeter-{role}": url.removeprefix("http://").removesuffix("/metrics")
        for role, url in addresses.metrics_urls.items()
    }
    scraped = prometheus.start(
        supervisor,
        program,
        folder / "prometheus",
        targets,
        interval="2s",
        labels={"namespace": "trams"},
    )
    wait_for(lambda: all(_is_known(addresses, name) for name in MONITORS))
    _ask(addresses, seconds, time.time, time.sleep)
    model.close()
    hook.close()
    return scraped


def _ask(
    addresses: Addresses,
    seconds: float,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> None:
    rides, n_asked, began = Rides(1), int(seconds * 5), clock()
    for number in range(n_asked):
        share = number / n_asked
        shift = 0.0 if share < 1 / 3 else 0.7
        rows = rides.rows(ROWS, shift=shift)
        truth = rides.free_seats(rows, shift=shift)
        _proxied(addresses, number, rows, is_new=share > 2 / 3)
        _pushed(addresses, f"{number}", "free-seats", "labels", {"free_seats": truth})
        calm = rides.rows(ROWS)
        predictions = {**calm, "prediction": predicted(calm)}
        _pushed(addresses, f"f{number}", "fares", "predictions", predictions)
        labels = {"free_seats": rides.free_seats(calm)}
        _pushed(addresses, f"f{number}", "fares", "labels", labels)
        if number % 100 == 50:
            _post(f"http://{addresses.listen}/v1/models/free-seats:predict", b"not JSON", {})
        sleep(max(0.0, began + (number + 1) / 5 - clock()))


def _is_known(addresses: Addresses, name: str) -> bool:
    """Whether the collector has heard of a monitor yet."""
    try:
        _pushed(addresses, "first", name, "labels", {"free_seats": np.zeros(ROWS)})
    except HTTPError:
        return False
    return True


def _proxied(
    addresses: Addresses, number: int, rows: dict[str, np.ndarray], *, is_new: bool
) -> None:
    columns = {name: values.tolist() for name, values in rows.items()}
    instances = [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]
    headers = {"X-Request-Id": str(number), **({"X-New": "1"} if is_new else {})}
    url = f"http://{addresses.listen}/v1/models/free-seats:predict"
    _post(url, json.dumps({"instances": instances}).encode(), headers)


def _pushed(
    addresses: Addresses, id_: str, monitor: str, kind: str, columns: dict[str, np.ndarray]
) -> None:
    ids = [f"{id_}/{i}" for i in range(ROWS)]
    told = {"id": ids, **{name: values.tolist() for name, values in columns.items()}}
    if kind == "labels":
        told = {"id": ids, "label": told["free_seats"]}
    body = json.dumps({"monitor": monitor, "columns": told}).encode()
    _post(f"http://{addresses.ingest}/v1/{kind}", body, {})


def _post(url: str, body: bytes, headers: dict[str, str]) -> None:
    asked = urllib.request.Request(
        url, body, {"Content-Type": "application/json", **headers}, method="POST"
    )
    with urllib.request.urlopen(asked, timeout=60) as answered:
        answered.read()
