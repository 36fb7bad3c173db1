"""One lane: the predictions and the labels that lie in partitions of one number."""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from detectors.backend.choice import AUTO, choose
from detectors.columns import Field, Floats
from detectors.profile import Profile, count, count_faults, count_labels, rows_at
from detectors.reference import Reference
from monitor.aggregate.joining import PATIENCE_S, Joined, Joiner, Predicted
from monitor.aggregate.reading import Batch
from monitor.aggregate.rows import LogRows, column_of, labels_of, log_rows, values_of
from monitor.aggregate.segments import Pane, Segments
from monitor.aggregate.tally import Tally
from monitor.messages import Registration, Topics
from monitor.records import Partition
from monitor.store import References, StoreError

_logger = logging.getLogger(__name__)

TOLERATED_FUTURE_S = 300.0
"""A row may be so much later than its message; the clocks of two machines differ."""


def prediction_field(reference: Reference) -> Field | None:
    """The declaration of the model's output, None if the reference has none."""
    return next((f for f in reference.schema if f.name == reference.prediction), None)


class Lane:
    """Counts rows into the segments of its two partitions, and joins labels in between.

    predictions, labels: the segments of the two; None while the partition is not ours.
    device: where rows are counted, as `detectors.backend.choose` takes it.
    latest: by monitor, the latest event time among its predictions.
    """

    def __init__(
        self,
        number: int,
        topics: Topics,
        references: References,
        tally: Tally,
        *,
        device: str = AUTO,
    ) -> None:
        self.predictions: Segments | None = None
        self.labels: Segments | None = None
        self.latest: dict[str, float] = {}
        self._number = number
        self._topics = topics
        self._references = references
        self._tally = tally
        self._device = device
        self._joiners: dict[str, Joiner] = {}

    def count_predictions(self, batches: Sequence[Batch], reference: Reference) -> None:
        """Counts predictions of one monitor that lie in one stretch, in the order of the log.

        Rows from before the first offset that counts only wait for their labels.
        """
        registration = batches[0].registration
        for rows in log_rows(batches, reference.schema):
            credible = rows.times <= rows.log_times + TOLERATED_FUTURE_S
            n_early = int(np.count_nonzero(~credible))
            self._tally.skipped(registration.name, "from the future", n_early)
            if n_early < len(credible):
                self._note_time(registration.name, float(rows.times[credible].max()))
                self._count_panes(registration, reference, rows, credible)
                self._remember(registration, reference, rows, credible)

    def join_labels(self, batch: Batch, prediction: Field, now: float) -> None:
        """Joins the labels of one message; those whose prediction is not here yet wait for it."""
        name, offset = batch.registration.name, batch.record.offset
        joiner = self._joiners.setdefault(name, Joiner())
        joined = []
        for label, prediction_id in zip(*labels_of(batch, prediction), strict=True):
            met = (
                joiner.label(prediction_id, label, offset=offset, now=now)
                if label is not None
                else "no label"
            )
            if isinstance(met, Joined):
                joined.append(met)
            elif met is not None:
                self._skip_label(name, met, offset)
        self._count_joined(batch.registration, joined)

    def give_up(self, now: float) -> None:
        """Ends the wait of labels whose prediction does not seem to come."""
        for name, joiner in self._joiners.items():
            for offset in joiner.give_up(before=now - PATIENCE_S):
                self._skip_label(name, "unmatched label", offset)

    def settle(self) -> dict[Partition, int]:
        """Everything counted so far is in the log: the offsets to commit."""
        offsets = {}
        if self.predictions is not None:
            at = Partition(self._topics.predictions, self._number)
            offsets[at] = self.predictions.settle()
        if self.labels is not None:
            at = Partition(self._topics.labels, self._number)
            offsets[at] = self.labels.settle(oldest_waiting=self._oldest_waiting(self.labels.first))
        return offsets

    def _note_time(self, name: str, event_time: float) -> None:
        self.latest[name] = max(event_time, self.latest.get(name, event_time))

    def _count_panes(
        self,
        registration: Registration,
        reference: Reference,
        rows: LogRows,
        credible: NDArray[np.bool_],
    ) -> None:
        assert self.predictions is not None
        segments, pane_s = self.predictions, registration.monitor.pane_s
        counting = credible & (rows.offsets >= segments.first)
        pane_starts = np.floor(rows.times / pane_s) * pane_s
        stretch = segments.start_of(int(rows.offsets[0]))
        self._count_faults(registration, reference, rows, counting, pane_starts)
        for pane_start in np.unique(pane_starts[counting]).tolist():
            where = np.flatnonzero(counting & (pane_starts == pane_start))
            pane = Pane(registration.name, reference.id, pane_start, pane_s)
            if segments.has_room(stretch, pane):
                profile = count(
                    rows_at(rows.rows, where),
                    reference,
                    times=rows.times[where],
                    ids=[rows.ids[i] for i in where],
                    backend=choose(self._device, n_values=len(where) * len(reference.columns)),
                )
                segments.add(stretch, pane, profile)
                self._tally.counted(registration.name, segments.topic, len(where))
            else:
                self._tally.skipped(registration.name, "too many panes", len(where))

    def _count_faults(
        self,
        registration: Registration,
        reference: Reference,
        rows: LogRows,
        counting: NDArray[np.bool_],
        pane_starts: Floats,
    ) -> None:
        """Counts repeated ids in the panes of their rows, and values of another type, of which a
        message tells no more than how many, in the pane of its first row."""
        assert self.predictions is not None
        segments, here = self.predictions, np.flatnonzero(counting)
        if not len(here):
            return
        stretch = segments.start_of(int(rows.offsets[0]))
        is_repeated = segments.repeats(stretch, registration.name).among(
            [rows.ids[i] for i in here]
        )
        repeated = Counter(pane_starts[here[is_repeated]].tolist())
        mismatched: dict[float, Counter[str]] = {}
        for offset, counts in rows.mismatched.items():
            for start in pane_starts[here[rows.offsets[here] == offset][:1]].tolist():
                mismatched.setdefault(start, Counter()).update(counts)
        for start in sorted({*repeated, *mismatched}):
            pane = Pane(registration.name, reference.id, start, registration.monitor.pane_s)
            if segments.has_room(stretch, pane):
                faults = count_faults(
                    reference,
                    mismatched=mismatched.get(start, {}),
                    n_repeated=repeated[start],
                )
                segments.add(stretch, pane, faults)

    def _remember(
        self,
        registration: Registration,
        reference: Reference,
        rows: LogRows,
        credible: NDArray[np.bool_],
    ) -> None:
        """Keeps predictions for the join; counts the labels that were there before them."""
        spec = registration.monitor.spec
        if spec.label is None or reference.target is None:
            return
        joiner = self._joiners.setdefault(registration.name, Joiner())
        columns = [values_of(rows.rows.columns[name]) for name in reference.target.columns]
        values = list(zip(*columns, strict=True))
        met = [
            joiner.predict(rows.ids[i], Predicted(float(rows.times[i]), values[i], reference.id))
            for i in np.flatnonzero(credible)
        ]
        self._count_joined(registration, [joined for joined in met if joined is not None])
        horizon = self.latest[registration.name] - spec.label_horizon
        n_lost = joiner.forget(before=horizon)
        self._tally.skipped(registration.name, "no room for the label join", n_lost)

    def _count_joined(self, registration: Registration, joined: Iterable[Joined]) -> None:
        """Counts labels in the pane of their prediction, in the stretch of their own message."""
        segments = self.labels
        if segments is None:
            return  # another replica's, or not assigned yet: it will be read and joined then
        pane_s = registration.monitor.pane_s

        def place(met: Joined) -> tuple[int, Pane]:
            pane_start = np.floor(met.predicted.time / pane_s) * pane_s
            pane = Pane(registration.name, met.predicted.reference_id, float(pane_start), pane_s)
            return segments.start_of(met.offset), pane

        counting = sorted((m for m in joined if m.offset >= segments.first), key=place)
        for (stretch, pane), group in groupby(counting, key=place):
            self._count_pane_labels(registration, stretch, pane, list(group))

    def _count_pane_labels(
        self, registration: Registration, stretch: int, pane: Pane, joined: Sequence[Joined]
    ) -> None:
        assert self.labels is not None
        if not self.labels.has_room(stretch, pane):
            self._tally.skipped(registration.name, "too many panes", len(joined))
            return
        try:
            reference = self._references.get(pane.reference_id)
        except StoreError:
            _logger.exception("%s: %d labels are not counted", registration.name, len(joined))
            self._tally.skipped(registration.name, "reference not readable", len(joined))
            return
        profile = _labels_profile(joined, reference)
        self.labels.add(stretch, pane, profile, n_joined=len(joined))
        self._tally.counted(registration.name, self.labels.topic, len(joined))

    def _skip_label(self, name: str, reason: str, offset: int) -> None:
        if self.labels is not None and offset >= self.labels.first:
            self._tally.skipped(name, reason)

    def _oldest_waiting(self, first: int) -> int | None:
        waiting = (joiner.oldest_waiting(first) for joiner in self._joiners.values())
        return min((offset for offset in waiting if offset is not None), default=None)


def _labels_profile(joined: Sequence[Joined], reference: Reference) -> Profile:
    """Of labels whose predictions were counted against the reference."""
    target = reference.target
    assert target is not None  # else there were no predictions to remember
    fields = {field.name: field for field in reference.schema}
    values = zip(*(met.predicted.values for met in joined), strict=True)
    columns = {
        name: column_of(column, fields[name])
        for name, column in zip(target.columns, values, strict=True)
    }
    labels = column_of([met.label for met in joined], fields[target.prediction])
    return count_labels(columns[target.prediction], labels, reference, beside=columns)
