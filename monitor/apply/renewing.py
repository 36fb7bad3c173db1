"""A reference of a trailing window moves on with it: as often as the window is long.

Every one is made once and never changes; the next is another, of a revision of its own. Moving on
more often would be no gain: each reference begins its evidence anew, and what changes slowly would
be taken for normal before it is seen.
"""

import logging
from collections.abc import Iterator

from monitor.detect import state
from monitor.kafka.messages import Registration
from monitor.sql import registry
from monitor.sql.database import Database
from monitor.sql.store import ArtifactStore, References, StoreError

_logger = logging.getLogger(__name__)


class Renewal:
    """Looks for references that their monitor's predictions have left behind.

    topic: of the predictions.
    """

    def __init__(self, database: Database, store: ArtifactStore, *, topic: str) -> None:
        self._database = database
        self._references = References(store)
        self._topic = topic

    def tick(self, now: float) -> None:
        """Makes a revision, to be resolved, of every monitor whose reference is due."""
        with self._database.read() as connection:
            trailing = [
                one
                for one in registry.in_force(connection).values()
                if one.monitor.spec.reference.trailing is not None and not one.monitor.spec.paused
            ]
            marks = state.read_marks(connection, self._topic) if trailing else {}
        latest = {name: max(mark.event_time for mark in found) for name, found in marks.items()}
        for registration in self._due(trailing, latest):
            with self._database.write() as connection:
                registry.renew(connection, registration, now)
            _logger.info("%s: its trailing window has moved on", registration.name)

    def _due(
        self, trailing: list[Registration], latest: dict[str, float]
    ) -> Iterator[Registration]:
        for one in trailing:
            span_s, reference_id = one.monitor.spec.reference.trailing, one.reference_id
            assert span_s is not None
            assert reference_id is not None  # it is active
            try:
                end = self._references.get(reference_id).profile.last_time
            except StoreError as error:
                _logger.warning("%s: %s", one.name, error)
                continue
            if end is not None and latest.get(one.name, end) >= end + span_s:
                yield one
