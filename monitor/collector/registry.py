"""The monitors in force, followed live from the topic that announces them."""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import kafka
from kafka.errors import KafkaError

from detectors.columns import ColumnType
from monitor.collector import tokens
from monitor.decoders import Columns, Decoded, Exchange, claim
from monitor.decoders.mapping import Pointers, decode_mapped
from monitor.kafka.anew import Anew
from monitor.kafka.connecting import Broker, BrokerUnavailableError
from monitor.kafka.messages import Registration
from monitor.tenants.namespaces import ALL as ALL_NAMESPACES
from monitor.tenants.namespaces import Namespaces

log = logging.getLogger(__name__)

ALWAYS_KEPT = frozenset({b"content-encoding", b"inference-header-content-length", b"traceparent"})
RETRY_S = 1.0
POLL_MS = 200


@dataclass(frozen=True, slots=True)
class Monitors:
    """The monitors in force, at one moment.

    by_model: of one model each tenant may have its own, the latest declared last.
    by_path: those whose documents say how to read the bodies at a path.
    kept_headers: names of request headers, in lower case, that some monitor or decoder reads.
    """

    by_name: Mapping[str, Registration] = field(default_factory=dict)
    by_model: Mapping[str, Sequence[Registration]] = field(default_factory=dict)
    by_path: Mapping[str, Registration] = field(default_factory=dict)
    kept_headers: frozenset[bytes] = ALWAYS_KEPT

    @classmethod
    def of(cls, registrations: Mapping[str, Registration]) -> "Monitors":
        specs = [registration.monitor.spec for registration in registrations.values()]
        wanted = {spec.event_time.header for spec in specs}
        wanted.update(spec.model.version_header for spec in specs)
        wanted.update(name for spec in specs for name in spec.capture.headers)
        by_model: dict[str, list[Registration]] = {}
        for registration in registrations.values():
            by_model.setdefault(registration.monitor.model_name, []).append(registration)
        return cls(
            by_name=registrations,
            by_model=by_model,
            by_path={
                mapping.path: r
                for r in registrations.values()
                if (mapping := r.monitor.spec.model.mapping) is not None
            },
            kept_headers=ALWAYS_KEPT | {name.lower().encode() for name in wanted if name},
        )

    def of_model(
        self, model: str | None, may_push: tokens.Monitors = tokens.ALL
    ) -> Registration | None:
        """Who watches a model, of those that may be pushed to; where a request names none, the
        only one that there is.
        """
        if model is None and len(self.by_model) == 1:
            (model,) = self.by_model
        found = () if model is None else self.by_model.get(model, ())
        return next((one for one in reversed(found) if _is_among(one, may_push)), None)

    def reader(self, exchange: Exchange) -> "Reader | None":
        """Who reads the predictions in an exchange, and for whom; None if nobody does."""
        mapped = self.by_path.get(exchange.path.partition("?")[0])
        if mapped is not None and _is_among(mapped, exchange.may_push):
            return Reader(mapped, partial(decode_mapped, pointers=pointers(mapped)))
        claimed = claim(exchange.path)
        if claimed is None:
            return None
        decoder = claimed.decoder
        model = decoder.model(exchange) if decoder.model else claimed.model
        registration = self.of_model(model, exchange.may_push)
        return Reader(registration, decoder.decode) if registration else None

    def after(self, news: Registration) -> "Monitors":
        """What is in force once `news` is known.

        While a revision is resolved, and if it fails, the fitted reference before it stays.
        """
        known = self.by_name.get(news.name)
        if known is not None and news.revision < known.revision:
            return self
        registrations = dict(self.by_name)
        if news.state == "deleted":
            registrations.pop(news.name, None)
        elif news.state == "active" or known is None or not known.schema:
            registrations[news.name] = news
        return Monitors.of(registrations)

    def without(self, name: str) -> "Monitors":
        return Monitors.of({n: r for n, r in self.by_name.items() if n != name})


@dataclass(frozen=True, slots=True)
class Reader:
    registration: Registration
    decode: Callable[[Exchange, Columns], Decoded]


def _is_among(registration: Registration, may_push: tokens.Monitors) -> bool:
    return may_push is None or registration.name in may_push


def pointers(registration: Registration) -> Pointers:
    """Where a monitor's document says that things are in its bodies."""
    mapping = registration.monitor.spec.model.mapping
    assert mapping is not None  # it is read by its path
    return Pointers(
        rows=mapping.rows,
        columns=mapping.columns,
        outputs=mapping.outputs,
        prediction=mapping.prediction,
    )


def columns(registration: Registration) -> Columns:
    """How the monitor calls what bodies may leave without names."""
    prediction = registration.monitor.spec.prediction
    features = [f for f in registration.schema if f.role == "feature"]
    vectors = frozenset(f.name for f in features if f.type is ColumnType.VECTOR)
    return Columns([f.name for f in features], prediction, vectors)


class Registry:
    """Follows the topic `monitors` from its beginning, on a thread of its own.

    Readers take `monitors`, which is replaced and never changed.
    namespaces: whose monitors are followed; the others' are as if they were not there.
    """

    def __init__(
        self, broker: Broker, *, client_id: str, namespaces: Namespaces = ALL_NAMESPACES
    ) -> None:
        self.monitors = Monitors()
        self._namespaces = namespaces
        self.is_loaded = False
        self._broker = broker
        self._client_id = client_id
        self._changed: Callable[[], object] = lambda: None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="registry", daemon=True)

    def watch(self, changed: Callable[[], object]) -> None:
        """Calls `changed`, on the registry's thread, whenever there is something new."""
        self._changed = changed

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Leaves the topic; a thread that is still looking for a broker is left behind."""
        self._stopped.set()
        self._thread.join(timeout_s if self.is_loaded else 0.0)

    def apply(self, messages: Iterable[tuple[bytes | None, bytes | None]]) -> None:
        """Takes in keys and values of the topic; what cannot be read is logged and left out."""
        for key, value in messages:
            if value is None:
                self.monitors = self.monitors.without((key or b"").decode(errors="replace"))
                continue
            try:
                news = Registration.from_bytes(value)
            except (ValueError, KeyError, TypeError) as error:
                log.warning("a registration cannot be read and is left out: %s", error)
                continue
            if self._namespaces.has(news.name):
                self.monitors = self.monitors.after(news)

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._broker.create_topics()  # a consumer finds a topic late that is made later
                consumer = self._broker.consumer(
                    self._broker.topics.monitors, client_id=self._client_id
                )
                try:
                    self._follow(consumer)
                finally:
                    consumer.close()
            except (BrokerUnavailableError, KafkaError) as error:
                log.warning("monitors cannot be followed: %s", error)
                self._stopped.wait(RETRY_S)

    def _follow(self, consumer: kafka.KafkaConsumer) -> None:
        anew = Anew(consumer, self._broker.topics.monitors)
        while not self._stopped.is_set():
            polled = consumer.poll(timeout_ms=POLL_MS)
            if anew.has_come(polled):
                log.warning("the topic of monitors was made anew: it is read from its beginning")
                consumer.seek_to_beginning()
                continue
            for records in polled.values():
                self.apply((record.key, record.value) for record in records)
            if polled or not self.is_loaded:
                self.is_loaded = self.is_loaded or _is_at_end(consumer)
                self._changed()


def _is_at_end(consumer: kafka.KafkaConsumer) -> bool:
    """Whether all has been read that there was; known once every partition was fetched from."""
    partitions = consumer.assignment()
    return bool(partitions) and all(
        (end := consumer.highwater(partition)) is not None and consumer.position(partition) >= end
        for partition in partitions
    )
