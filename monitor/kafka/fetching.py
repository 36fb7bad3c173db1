"""Fetches that name a log by its id, and not by its topic's name.

A topic may be deleted and made again under its old name between two fetches. Who asks by name is
then given what the new log has behind the offset that was reached in the old one, as if it were the
next. Asked by id, the broker refuses; the client asks what topics there are now, and whoever
compares logs (`monitor.kafka.connecting.log_id`) knows of it before the first record comes.

Brokers know ids of logs since Apache Kafka 3.1:
https://cwiki.apache.org/confluence/display/KAFKA/KIP-516%3A+Topic+Identifiers
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from uuid import UUID

from kafka.consumer.fetcher import Fetcher

BY_ID = 13
"""The first version of a fetch that names topics by their ids; kafka-python (3.0) has it, and asks
for 12 at most."""


def fetch_by_id(consumer: Any) -> None:
    """From now on a KafkaConsumer fetches so, where its broker does."""
    consumer._fetcher.__class__ = _Fetcher  # noqa: SLF001 - there is no public way


class _Fetcher(Fetcher):  # type: ignore[misc]  # it has no types
    """Requests are made, and their answers taken, on the thread on which the client hears of
    topics: between two lines nothing that it knows of them changes."""

    _ids: Mapping[str, UUID] = MappingProxyType({})

    def _create_fetch_requests(self) -> dict[Any, tuple[Any, Any]]:
        self._hear_of_logs()
        requests: dict[Any, tuple[Any, Any]] = super()._create_fetch_requests()
        for request, _ in requests.values():
            named = [*request.topics, *request.forgotten_topics_data]
            if self._ids and all(one.topic in self._ids for one in named):
                request._max_version = BY_ID  # noqa: SLF001 - there is no public way
                for one in named:
                    one.topic_id = self._ids[one.topic]
        return requests

    def _hear_of_logs(self) -> None:
        """What a broker remembers of a session is of certain logs: with others one begins anew."""
        cluster = self._manager.cluster
        topics = {at.topic for at in self._subscriptions.assigned_partitions()}
        found = {topic: cluster.topic_id(topic) for topic in topics}
        ids = {topic: id_ for topic, id_ in found.items() if id_ is not None and id_.int}
        if ids != self._ids:
            self._ids = ids
            for session in self._session_handlers.values():
                session.next_metadata = session.next_metadata.next_close_existing()

    def _handle_fetch_response(
        self, node_id: Any, fetch_offsets: Any, send_time: float, response: Any
    ) -> None:
        """Of a log that is there no more some brokers name none in their answer. One that is not
        about what is behind a name now is passed over, and that is asked for."""
        if response.API_VERSION >= BY_ID:
            names = {id_: topic for topic, id_ in self._ids.items()}
            known = [one for one in response.responses if one.topic_id in names]
            for one in known:
                one.topic = names[one.topic_id]
            if len(known) < len(response.responses):
                self._manager.cluster.request_update()
            response.responses = known
        super()._handle_fetch_response(node_id, fetch_offsets, send_time, response)
