"""Formats of model servers as they pass through a real proxy and on to Kafka."""

from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import numpy as np
import orjson
import pytest

from detectors.columns import ColumnType, Field
from monitor.batches import decode
from monitor.kafka.connecting import Broker
from monitor.up.supervisor import Supervisor
from tests.support.http_model import Answer, HttpModel, ok
from tests.support.kafka_topics import read_until
from tests.support.registrations import SCHEMA, announce, registration
from tests.support.running_collector import request, start

VECTOR = [0.5, -1.25, 3.0]
TEXTS = (
    Field("input", ColumnType.TEXT),
    Field("v", ColumnType.VECTOR, dimensions=len(VECTOR)),
)
BASE64 = b64encode(np.array(VECTOR, dtype="<f4").tobytes()).decode()
TABULAR = {"a": 1.0, "b": "x", "prediction": 5.0}

FORMATS: dict[str, tuple[str, bytes, bytes, tuple[Field, ...], dict[str, object]]] = {
    "OpenAI's embeddings": (
        "/v1/embeddings",
        orjson.dumps({"model": "seats", "input": "a text", "encoding_format": "base64"}),
        orjson.dumps({"data": [{"index": 0, "embedding": BASE64}], "model": "seats"}),
        TEXTS,
        {"v": VECTOR},
    ),
    "SageMaker's CSV": ("/endpoints/seats/invocations", b"1,x\n", b"5\n", SCHEMA, TABULAR),
    "BentoML": (
        "/predict",
        orjson.dumps({"frame": [{"a": 1, "b": "x"}]}),
        b"[5]",
        SCHEMA,
        TABULAR,
    ),
}


@pytest.mark.parametrize(
    ("path", "asked", "answer", "schema", "row"), FORMATS.values(), ids=FORMATS
)
def test_a_prediction_reaches_kafka(
    path: str,
    asked: bytes,
    answer: bytes,
    schema: tuple[Field, ...],
    row: dict[str, object],
    embedded_broker: Broker,
    supervisor: Supervisor,
    serve: Callable[[Answer], HttpModel],
    tmp_path: Path,
) -> None:
    announce(embedded_broker, registration(schema=schema))
    model = serve(lambda _: [ok(answer)])
    spool = tmp_path / "spool"
    collector = start(supervisor, embedded_broker, spool, upstream=model.address)
    named = {"X-Request-Id": "r1"}
    assert request(collector.listen, "POST", path, asked, named) == (200, answer)
    topic = embedded_broker.topics.predictions
    (record,) = read_until(embedded_broker, topic, lambda found: len(found) == 1)
    (found,) = decode(record.value).to_pylist()
    assert found["dm.id"] == "r1"
    assert {name: found[name] for name in row} == row
