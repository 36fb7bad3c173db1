"""Monitors as tests declare them."""

from detectors.columns import ColumnType, Field, Role
from monitor.kafka.connecting import Broker
from monitor.kafka.messages import Registration, RegistrationState
from monitor.spec.model import Monitor

SCHEMA = (
    Field("a", ColumnType.FLOAT),
    Field("b", ColumnType.CATEGORY),
    Field("prediction", ColumnType.FLOAT, Role.PREDICTION),
)


def registration(
    name: str = "seats",
    *,
    revision: int = 1,
    state: RegistrationState = "active",
    schema: tuple[Field, ...] = SCHEMA,
    **spec: object,
) -> Registration:
    monitor = Monitor.model_validate(
        {
            "apiVersion": "driftmeter.dev/v1",
            "kind": "Monitor",
            "metadata": {"name": name},
            "spec": {"reference": "first 1000", **spec},
        }
    )
    return Registration(
        monitor=monitor,
        revision=revision,
        state=state,
        reference_id="sha256:0" if schema else None,
        schema=schema,
    )


def announce(broker: Broker, *registrations: Registration) -> None:
    """Publishes them on the topic that collectors follow."""
    producer = broker.producer(client_id="test")
    for one in registrations:
        producer.send(broker.topics.monitors, key=one.key, value=one.to_bytes()).get(60)
    producer.close()
