"""What BentoML serves: every row is told to BentoML's monitoring, which sends it by OTLP if
SEATS_OTLP_ENDPOINT says where to.

bentoml serve benchmarks.real_servers.bentoml_seats:Seats
"""

import os
from typing import Any

import bentoml

from benchmarks.real_servers import seats

TYPES = {
    "headway": "numerical",
    "boarded": "numerical",
    "stop": "categorical",
    "rain": "categorical",
}


@bentoml.service(
    name=seats.NAME,
    monitoring={
        "enabled": "SEATS_OTLP_ENDPOINT" in os.environ,
        "type": "otlp",
        "options": {"endpoint": os.environ.get("SEATS_OTLP_ENDPOINT")},
    },
)
class Seats:
    @bentoml.api  # type: ignore[untyped-decorator] # bentoml is in an environment of its own
    def predict(self, rows: list[dict[str, Any]]) -> list[float]:
        """The free seats of each row."""
        columns = {name: [row[name] for row in rows] for name in TYPES}
        predicted: list[float] = seats.predict(columns).tolist()
        with bentoml.monitor(seats.NAME) as told:
            for name, type_ in TYPES.items():
                told.log_batch(columns[name], name, "feature", type_)
            told.log_batch(predicted, seats.PREDICTION, "prediction", "numerical")
        return predicted
