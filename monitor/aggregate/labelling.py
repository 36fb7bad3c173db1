"""The labels of one lane: joined to its predictions, counted in the segments of their partition."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from detectors.columns import Field, Floats, Rows
from detectors.profile import Profile, count_labels, weighed
from detectors.profile.segments import split
from detectors.reference import Reference
from monitor.aggregate.join_store import JoinStore
from monitor.aggregate.joining import PATIENCE_S, Joined, Joiner, Predicted
from monitor.aggregate.reading import Batch
from monitor.aggregate.rows import LogRows, column_of, labels_of, values_of
from monitor.aggregate.segments import Pane, Segments
from monitor.aggregate.tally import Tally
from monitor.kafka.messages import Registration
from monitor.sql.store import References, StoreError

_logger = logging.getLogger(__name__)


class Labelling:
    """Counts each label in the pane of its prediction, in the stretch of its own message.

    A label that corrects another is counted, and the other taken back, in the stretch of the
    correction: what an earlier stretch has said stays as it is.

    segments: of the labels' partition; None while that is not ours.
    open_store: of what the join remembers; called when there is something.
    """

    def __init__(
        self, references: References, tally: Tally, open_store: Callable[[], JoinStore]
    ) -> None:
        self.segments: Segments | None = None
        self._references = references
        self._tally = tally
        self._open_store = open_store
        self._opened: Joiner | None = None

    def remember(
        self,
        registration: Registration,
        reference: Reference,
        rows: LogRows,
        credible: NDArray[np.bool_],
        *,
        latest: float,
        model_version: str = "",
    ) -> None:
        """Keeps predictions for the join; counts the labels that were there before them.

        latest: event time of the monitor, up to which horizons reach.
        """
        spec = registration.monitor.spec
        if spec.label is None or reference.target is None:
            return
        columns = [values_of(rows.rows.columns[name]) for name in reference.joined_columns]
        values = list(zip(*columns, strict=True))
        predictions = [
            Predicted(
                rows.ids[i],
                float(rows.times[i]),
                values[i],
                reference.id,
                int(rows.weights[i]),
                model_version,
            )
            for i in np.flatnonzero(credible).tolist()
        ]
        joined = self._joiner.predict(registration.name, predictions)
        self._count(registration, joined)
        self._joiner.forget(registration.name, before=latest - spec.label_horizon)
        self._tell_lost()

    def join(self, batch: Batch, prediction: Field, now: float) -> None:
        """Joins labels; those whose prediction is not here yet wait for it."""
        name = batch.registration.name
        labels, without = labels_of(batch, prediction)
        for offset in without:
            self._skip(name, "no label", offset)
        met = self._joiner.label(name, labels, now=now)
        for reason, offset in met.left_out:
            self._skip(name, reason, offset)
        self._count(batch.registration, met.joined)
        self._tell_lost()

    def give_up(self, now: float) -> None:
        """Ends the wait of labels whose prediction does not seem to come."""
        if self._opened is None:
            return
        for name, offset in self._opened.give_up(before=now - PATIENCE_S):
            self._skip(name, "unmatched label", offset)

    def settle(self) -> int:
        """Everything counted so far is in the log: the offset to commit."""
        assert self.segments is not None
        first = self.segments.first
        waiting = None if self._opened is None else self._opened.oldest_waiting(first)
        return self.segments.settle(oldest_waiting=waiting)

    @property
    def size_bytes(self) -> int:
        """What the join takes on the disk."""
        return 0 if self._opened is None else self._opened.size_bytes

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()

    @property
    def _joiner(self) -> Joiner:
        if self._opened is None:
            self._opened = Joiner(self._open_store())
        return self._opened

    def _count(self, registration: Registration, joined: Iterable[Joined]) -> None:
        segments = self.segments
        if segments is None:
            return  # another replica's, or not assigned yet: it will be read and joined then
        pane_s = registration.monitor.pane_s

        def place(met: Joined) -> tuple[int, Pane]:
            start = float(np.floor(met.predicted.time / pane_s) * pane_s)
            counted = met.predicted.reference_id, start, pane_s, met.predicted.model_version
            pane = Pane(registration.name, *counted)
            return segments.start_of(met.label.offset), pane

        counting = sorted((m for m in joined if m.label.offset >= segments.first), key=place)
        for (stretch, pane), group in groupby(counting, key=place):
            self._count_pane(segments, stretch, pane, list(group))

    def _count_pane(
        self, segments: Segments, stretch: int, pane: Pane, joined: Sequence[Joined]
    ) -> None:
        if not segments.has_room(stretch, pane):
            self._tally.skipped(pane.monitor, "too many panes", len(joined))
            return
        try:
            reference = self._references.get(pane.reference_id)
        except StoreError:
            _logger.exception("%s: %d labels are not counted", pane.monitor, len(joined))
            self._tally.skipped(pane.monitor, "reference not readable", len(joined))
            return
        for weight in sorted({met.predicted.weight for met in joined}):
            alike = [met for met in joined if met.predicted.weight == weight]
            self._count_alike(segments, stretch, pane, alike, reference)

    def _count_alike(
        self,
        segments: Segments,
        stretch: int,
        pane: Pane,
        joined: Sequence[Joined],
        reference: Reference,
    ) -> None:
        """Of predictions that stand for equally many."""
        segments.add(stretch, pane, _counted(joined, reference), n=len(joined))
        for index, where in split(_remembered(joined, reference), reference.segments):
            own, among = pane.of_segment(index), [joined[i] for i in where]
            if segments.has_room(stretch, own):
                segments.add(stretch, own, _counted(among, reference), n=len(among))
            else:
                self._tally.skipped(pane.monitor, "too many segments", len(among))
        n_corrections = sum(met.replaces is not None for met in joined)
        self._tally.counted(pane.monitor, segments.topic, len(joined) - n_corrections)
        self._tally.corrected(pane.monitor, n_corrections)

    def _skip(self, name: str, reason: str, offset: int) -> None:
        if self.segments is not None and offset >= self.segments.first:
            self._tally.skipped(name, reason)

    def _tell_lost(self) -> None:
        lost, self._joiner.lost = self._joiner.lost, {}
        for name, n in lost.items():
            self._tally.skipped(name, "no room for the label join", n)


def _counted(joined: Sequence[Joined], reference: Reference) -> Profile:
    """What labels say, at least one, whose predictions stand for equally many."""
    first = [met for met in joined if met.replaces is None]
    corrections = [met for met in joined if met.replaces is not None]
    profile = _profile(first, reference, delays_s=_delays(first))
    return weighed(profile + _corrected(corrections, reference), joined[0].predicted.weight)


def _corrected(corrections: Sequence[Joined], reference: Reference) -> Profile:
    """What corrections say, without what they replace."""
    if not corrections:
        return Profile.empty(reference)
    before = [replace(met, label=replace(met.label, value=met.replaces)) for met in corrections]
    return _profile(corrections, reference) + _profile(before, reference).taking_back()


def _delays(joined: Sequence[Joined]) -> Floats:
    """(joined,) seconds from the predictions to their labels, by the times that both name."""
    return np.array([max(0.0, met.label.time - met.predicted.time) for met in joined])


def _profile(
    joined: Sequence[Joined], reference: Reference, *, delays_s: Floats | None = None
) -> Profile:
    """Of labels whose predictions were counted against the reference."""
    if not joined:
        return Profile.empty(reference)
    target = reference.target
    assert target is not None  # else there were no predictions to remember
    columns = _remembered(joined, reference).columns
    prediction = next(field for field in reference.schema if field.name == target.prediction)
    labels = column_of([met.label.value for met in joined], prediction)
    return count_labels(
        columns[target.prediction], labels, reference, beside=columns, delays_s=delays_s
    )


def _remembered(joined: Sequence[Joined], reference: Reference) -> Rows:
    """What is known of the predictions of labels, at least one."""
    fields = {field.name: field for field in reference.schema}
    values = zip(*(met.predicted.values for met in joined), strict=True)
    columns = {
        name: column_of(column, fields[name])
        for name, column in zip(reference.joined_columns, values, strict=True)
    }
    return Rows(columns, len(joined))
