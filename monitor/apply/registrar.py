"""The registrar: fits the references of new revisions, and tells everybody of the result."""

import logging
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from kafka.structs import TopicPartition

from detectors.reference import Reference
from detectors.schema import ReferenceError  # noqa: A004  of data, not of weak references
from monitor.aggregate.reading import UnreadableError, monitor_of, read_predictions
from monitor.apply.resolving import fit_file, fit_predictions
from monitor.files import FileError
from monitor.kafka.connecting import Broker, BrokerUnavailableError
from monitor.kafka.messages import Registration, RegistrationState
from monitor.kafka.publishing import DeliveryError, Message, Publisher
from monitor.kafka.records import Record, records_of
from monitor.sql import registry
from monitor.sql.database import Database
from monitor.sql.store import ArtifactStore, StoreError

CLIENT = "driftmeter-registrar"
POLL_MS = 200

_logger = logging.getLogger(__name__)


class Registrar:
    """Keeps the registry, the store and the topic monitors in step.

    What a `tick` does not finish, the next one does: nothing is remembered that SQL and the log
    do not have. The first tick tells of all monitors again, for a broker that forgot them.
    """

    def __init__(
        self,
        database: Database,
        store: ArtifactStore,
        broker: Broker,
        *,
        hash_key: bytes | None = None,
    ) -> None:
        self._hash_key = hash_key
        self._database = database
        self._store = store
        self._broker = broker
        self._publisher: Publisher | None = None
        self._told: dict[str, list[tuple[int, RegistrationState]]] = {}
        self._firsts: dict[tuple[str, int], FirstRows] = {}

    def tick(self, now: float) -> None:  # noqa: ARG002  every role's tick is given the time
        """Fits what waits to be fitted and publishes what has changed."""
        self._publish()
        with self._database.read() as connection:
            waiting = registry.resolving(connection)
        self._drop_superseded(waiting)
        for registration in waiting:
            self._resolve(registration)
        if waiting:
            self._publish()

    def close(self) -> None:
        for first in self._firsts.values():
            first.close()
        if self._publisher is not None:
            self._publisher.close()

    def _resolve(self, registration: Registration) -> None:
        try:
            reference = self._fit(registration)
            if reference is None:
                return
            reference_id = self._store.put(reference.to_bytes())
        except (FileError, ReferenceError, StoreError) as error:
            _logger.warning("%s, revision %d: %s", registration.name, registration.revision, error)
            with self._database.write() as connection:
                registry.fail(connection, registration, str(error))
            return
        with self._database.write() as connection:
            registry.activate(connection, registration, reference_id, reference.schema)
        _logger.info("%s, revision %d is active", registration.name, registration.revision)

    def _fit(self, registration: Registration) -> Reference | None:
        """None while there are not enough rows yet."""
        spec = registration.monitor.spec
        if spec.reference.first is None:
            return fit_file(spec, hash_key=self._hash_key)
        try:
            batches = self._first_rows(registration, spec.reference.first)
        except BrokerUnavailableError as error:
            _logger.warning("%s: %s", registration.name, error)
            return None
        return None if batches is None else fit_predictions(batches, spec)

    def _first_rows(self, registration: Registration, n: int) -> Sequence[pa.RecordBatch] | None:
        key = (registration.name, registration.revision)
        if key not in self._firsts:
            self._firsts[key] = FirstRows(self._broker, registration, n)
        first = self._firsts[key]
        first.poll()
        if not first.is_complete:
            progress = f"waits for predictions: {first.n_rows} of {n}"
            if registration.reason != progress:
                with self._database.write() as connection:
                    registry.note(connection, registration, progress)
            return None
        return first.batches

    def _drop_superseded(self, waiting: Sequence[Registration]) -> None:
        wanted = {(registration.name, registration.revision) for registration in waiting}
        for key in self._firsts.keys() - wanted:
            self._firsts.pop(key).close()

    def _publish(self) -> None:
        with self._database.read() as connection:
            latest, in_force = registry.latest(connection), registry.in_force(connection)
        for name, registration in latest.items():
            saying = _saying(registration, in_force.get(name))
            about = [(said.revision, said.state) for said in saying]
            if self._told.get(name) != about and self._tell(saying):
                self._told[name] = about

    def _tell(self, registrations: Sequence[Registration]) -> bool:
        topic = self._broker.topics.monitors
        try:
            if self._publisher is None:
                self._publisher = Publisher(self._broker, client_id=CLIENT)
            self._publisher.deliver([Message(topic, r.key, r.to_bytes()) for r in registrations])
        except (DeliveryError, BrokerUnavailableError) as error:
            name = registrations[0].name
            _logger.warning("%s is not published and is tried again: %s", name, error)
            return False
        return True


def _saying(latest: Registration, in_force: Registration | None) -> list[Registration]:
    """What to publish of a monitor, so that its last message is always the revision in force."""
    if in_force is not None and latest.state == "resolving":
        return [in_force]
    if in_force is not None and latest.state == "failed":
        return [latest, in_force]
    return [latest]


class FirstRows:
    """The first rows of a monitor in the topic predictions, read from its beginning."""

    def __init__(self, broker: Broker, registration: Registration, n: int) -> None:
        self.batches: list[pa.RecordBatch] = []
        self.n_rows = 0
        self._registration = registration
        self._n = n
        self._consumer: Any = broker.consumer(client_id=CLIENT)
        topic = broker.topics.predictions
        partitions = self._consumer.partitions_for_topic(topic) or ()
        self._consumer.assign([TopicPartition(topic, p) for p in sorted(partitions)])

    @property
    def is_complete(self) -> bool:
        return self.n_rows >= self._n

    def poll(self) -> None:
        """Takes what has come; messages that cannot be read are aggregate's to complain of."""
        if self.is_complete:
            return
        polled = self._consumer.poll(timeout_ms=POLL_MS, max_records=5_000)
        records = records_of(record for records in polled.values() for record in records)
        ours = [record for record in records if self._is_ours(record)]
        for batch in read_predictions(ours, self._registration)[0]:
            self._take(batch.rows)

    def close(self) -> None:
        self._consumer.close()

    def _is_ours(self, record: Record) -> bool:
        try:
            return monitor_of(record) == self._registration.name
        except UnreadableError:
            return False

    def _take(self, batch: pa.RecordBatch) -> None:
        taken = batch.slice(0, self._n - self.n_rows)
        if taken.num_rows:
            self.batches.append(taken)
            self.n_rows += taken.num_rows
