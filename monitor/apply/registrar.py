"""The registrar: fits the references of new revisions, and tells everybody of the result."""

import logging
from collections.abc import Sequence

import pyarrow as pa

from detectors.reference import Reference
from detectors.schema import ReferenceError  # noqa: A004  of data, not of weak references
from monitor.apply.log_rows import CLIENT, FirstRows, Gathering, PredictionLog, TrailingRows
from monitor.apply.renewing import Renewal
from monitor.apply.resolving import fit_file, fit_predictions
from monitor.files import FileError
from monitor.kafka.connecting import Broker, BrokerUnavailableError
from monitor.kafka.messages import Registration, RegistrationState
from monitor.kafka.publishing import DeliveryError, Message, Publisher
from monitor.sql import registry
from monitor.sql.database import Database
from monitor.sql.store import ArtifactStore, StoreError
from monitor.tenants.quotas import NoQuotas, QuotasInForce
from monitor.tenants.usage import QuotaError, check_columns

_logger = logging.getLogger(__name__)


class Registrar:
    """Keeps the registry, the store and the topic monitors in step.

    What a `tick` does not finish, the next one does: nothing is remembered that SQL and the log
    do not have. The first tick tells of all monitors again, for a broker that forgot them, and so
    does one that finds the topic made anew.
    """

    def __init__(
        self,
        database: Database,
        store: ArtifactStore,
        broker: Broker,
        *,
        hash_key: bytes | None = None,
        quotas: QuotasInForce = NoQuotas(),  # noqa: B008 - it has no state
    ) -> None:
        self._hash_key = hash_key
        self._quotas = quotas
        self._database = database
        self._store = store
        self._broker = broker
        self._renewal = Renewal(database, store, topic=broker.topics.predictions)
        self._publisher: Publisher | None = None
        self._told: dict[str, list[tuple[int, RegistrationState]]] = {}
        self._log = ""
        self._gatherings: dict[tuple[str, int], Gathering] = {}

    def tick(self, now: float) -> None:
        """Fits what waits to be fitted and publishes what has changed."""
        self._renewal.tick(now)
        self._publish()
        with self._database.read() as connection:
            waiting = registry.resolving(connection)
        self._drop_superseded(waiting)
        for registration in waiting:
            self._resolve(registration)
        if waiting:
            self._publish()

    def close(self) -> None:
        for gathering in self._gatherings.values():
            gathering.close()
        if self._publisher is not None:
            self._publisher.close()

    def _resolve(self, registration: Registration) -> None:
        try:
            reference = self._fit(registration)
            if reference is None:
                return
            self._check_columns(registration.name, len(reference.schema))
            reference_id = self._store.put(reference.to_bytes())
        except (FileError, QuotaError, ReferenceError, StoreError) as error:
            _logger.warning("%s, revision %d: %s", registration.name, registration.revision, error)
            with self._database.write() as connection:
                registry.fail(connection, registration, str(error))
            return
        with self._database.write() as connection:
            registry.activate(connection, registration, reference_id, reference.schema)
        _logger.info("%s, revision %d is active", registration.name, registration.revision)

    def _check_columns(self, name: str, n_columns: int) -> None:
        with self._database.read() as connection:
            check_columns(connection, name, n_columns, self._quotas)

    def _fit(self, registration: Registration) -> Reference | None:
        """None while there are not enough rows yet."""
        spec = registration.monitor.spec
        if spec.reference.url is not None:
            return fit_file(spec, hash_key=self._hash_key)
        try:
            batches = self._rows_of_log(registration)
        except BrokerUnavailableError as error:
            _logger.warning("%s: %s", registration.name, error)
            return None
        return None if batches is None else fit_predictions(batches, spec)

    def _rows_of_log(self, registration: Registration) -> Sequence[pa.RecordBatch] | None:
        key = (registration.name, registration.revision)
        if key not in self._gatherings:
            self._gatherings[key] = _gathering(self._broker, registration)
        gathering = self._gatherings[key]
        gathering.poll()
        batches = gathering.batches
        if batches is None and registration.reason != gathering.progress:
            with self._database.write() as connection:
                registry.note(connection, registration, gathering.progress)
        return batches

    def _drop_superseded(self, waiting: Sequence[Registration]) -> None:
        wanted = {(registration.name, registration.revision) for registration in waiting}
        for key in self._gatherings.keys() - wanted:
            self._gatherings.pop(key).close()

    def _publish(self) -> None:
        if self._is_forgotten():
            self._told.clear()
        with self._database.read() as connection:
            latest, in_force = registry.latest(connection), registry.in_force(connection)
        for name, registration in latest.items():
            saying = _saying(registration, in_force.get(name))
            about = [(said.revision, said.state) for said in saying]
            if self._told.get(name) != about and self._tell(saying):
                self._told[name] = about

    def _is_forgotten(self) -> bool:
        """Whether another log is behind the topic's name than when it was last told."""
        if self._publisher is None:
            return False
        log = self._publisher.log(self._broker.topics.monitors)
        before, self._log = self._log, log or self._log
        return before not in ("", self._log)

    def _tell(self, registrations: Sequence[Registration]) -> bool:
        topic = self._broker.topics.monitors
        try:
            if self._publisher is None:
                self._publisher = Publisher(self._broker, client_id=CLIENT)
            self._publisher.deliver(
                [Message(topic, r.key, r.to_bytes(), partition=0) for r in registrations]
            )
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


def _gathering(broker: Broker, registration: Registration) -> Gathering:
    """Of the rows that a monitor's reference is to be of."""
    reference, log = registration.monitor.spec.reference, PredictionLog(broker, registration)
    if reference.first is not None:
        return FirstRows(log, reference.first)
    assert reference.trailing is not None  # one of the sources is given
    return TrailingRows(log, reference.trailing)
