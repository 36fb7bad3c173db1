"""One lane: the predictions and the labels that lie in partitions of one number."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.backend.choice import AUTO, choose
from detectors.columns import Counts, Field, Floats
from detectors.profile import Profile, count, count_faults, count_served, rows_at, weighed
from detectors.profile.segments import split
from detectors.reference import Reference
from monitor.aggregate.join_store import JoinStore
from monitor.aggregate.labelling import Labelling
from monitor.aggregate.outlying import OutlyingRow, outlying
from monitor.aggregate.reading import Batch
from monitor.aggregate.rows import LogRows, ids_at, log_rows
from monitor.aggregate.segments import Pane, Segments
from monitor.aggregate.sources import Sources
from monitor.aggregate.tally import Tally
from monitor.kafka.messages import FROM_THE_FUTURE, SERVED, Registration, Topics
from monitor.kafka.records import Partition, Record
from monitor.kafka.served import Served
from monitor.sql.store import References

TOLERATED_FUTURE_S = 300.0
"""A row may be so much later than its message; the clocks of two machines differ."""


def prediction_field(reference: Reference) -> Field | None:
    """The declaration of the model's output, None if the reference has none."""
    return next((f for f in reference.schema if f.name == reference.prediction), None)


class Lane:
    """Counts rows into the segments of its two partitions, and joins labels in between.

    predictions, labels: the segments of the two; None while the partition is not ours.
    device: where rows are counted, as `detectors.backend.choose` takes it.
    open_store: for what the join remembers; `close` closes it.
    latest: by monitor, how far its predictions have come in event time, source by source.
    """

    def __init__(
        self,
        number: int,
        topics: Topics,
        references: References,
        tally: Tally,
        *,
        device: str = AUTO,
        open_store: Callable[[], JoinStore] = JoinStore,
    ) -> None:
        self.predictions: Segments | None = None
        self.labelling = Labelling(references, tally, open_store)
        self.latest: dict[str, Sources] = {}
        self._number = number
        self._topics = topics
        self._tally = tally
        self._device = device

    @property
    def labels(self) -> Segments | None:
        return self.labelling.segments

    def count_predictions(
        self, batches: Sequence[Batch], reference: Reference, *, model_version: str = ""
    ) -> None:
        """Counts predictions of one monitor, and one version of its model, that lie in one stretch,
        in the order of the log.

        Rows from before the first offset that counts only wait for their labels.
        """
        assert self.predictions is not None
        registration = batches[0].registration
        stretch = self.predictions.start_of(int(batches[0].offsets[0]))
        version = self.predictions.model_version(stretch, registration.name, model_version)
        for rows in log_rows(batches, reference.schema):
            credible = rows.times <= rows.log_times + TOLERATED_FUTURE_S
            if not credible.all():
                self._set_apart(registration, reference, rows, ~credible)
            if credible.any():
                times = self.latest.setdefault(registration.name, Sources())
                times.note(rows.sources, rows.source[credible], rows.times[credible])
                self._count_panes(registration, reference, rows, credible, version)
                self.labelling.remember(
                    registration,
                    reference,
                    rows,
                    credible,
                    latest=times.latest,
                    model_version=version,
                )

    def count_served(
        self,
        registration: Registration,
        reference: Reference,
        told: Iterable[tuple[Record, Served]],
    ) -> None:
        """Counts requests as messages tell of them, whatever becomes of their rows."""
        assert self.predictions is not None
        segments, pane_s = self.predictions, registration.monitor.pane_s
        for record, served in told:
            if served.time > record.time + TOLERATED_FUTURE_S:
                self._tally.skipped(registration.name, "requests from the future", served.n)
                continue
            start = float(np.floor(served.time / pane_s) * pane_s)
            pane = Pane(registration.name, reference.id, start, pane_s, subset=SERVED)
            stretch = segments.start_of(record.offset)
            if segments.has_room(stretch, pane):
                segments.add(stretch, pane, count_served(reference, served.slots), n=served.n)
            else:
                self._tally.skipped(registration.name, "requests of too many panes", served.n)

    def join_labels(self, batch: Batch, prediction: Field, now: float) -> None:
        """Joins labels to the lane's predictions, or lets them wait for these."""
        self.labelling.join(batch, prediction, now)

    def give_up(self, now: float) -> None:
        """Ends the wait of labels whose prediction does not seem to come."""
        self.labelling.give_up(now)

    def settle(self) -> dict[Partition, int]:
        """Everything counted so far is in the log: the offsets to commit."""
        offsets = {}
        if self.predictions is not None:
            at = Partition(self._topics.predictions, self._number)
            offsets[at] = self.predictions.settle()
        if self.labels is not None:
            offsets[Partition(self._topics.labels, self._number)] = self.labelling.settle()
        return offsets

    def close(self) -> None:
        """Lets go of what the join has on the disk."""
        self.labelling.close()

    def _set_apart(
        self,
        registration: Registration,
        reference: Reference,
        rows: LogRows,
        early: NDArray[np.bool_],
    ) -> None:
        """Rows from the future are counted in no window, but in the one of their messages' time it
        is said how many there were."""
        assert self.predictions is not None
        segments, pane_s = self.predictions, registration.monitor.pane_s
        early = early & (rows.offsets >= segments.first)
        self._tally.skipped(registration.name, "from the future", int(np.count_nonzero(early)))
        stretch = segments.start_of(int(rows.offsets[0]))
        panes = np.floor(rows.log_times[early] / pane_s) * pane_s
        for start, n in zip(*np.unique(panes, return_counts=True), strict=True):
            pane = Pane(
                registration.name, reference.id, float(start), pane_s, subset=FROM_THE_FUTURE
            )
            if segments.has_room(stretch, pane):
                segments.add(stretch, pane, Profile.empty(reference), n=int(n))

    def _count_panes(
        self,
        registration: Registration,
        reference: Reference,
        rows: LogRows,
        credible: NDArray[np.bool_],
        model_version: str,
    ) -> None:
        assert self.predictions is not None
        segments, pane_s = self.predictions, registration.monitor.pane_s
        counting = credible & (rows.offsets >= segments.first)
        pane_starts = np.floor(rows.times / pane_s) * pane_s
        stretch = segments.start_of(int(rows.offsets[0]))
        self._count_faults(registration, reference, rows, counting, pane_starts, model_version)
        for pane_start in np.unique(pane_starts[counting]).tolist():
            where = np.flatnonzero(counting & (pane_starts == pane_start))
            pane = Pane(registration.name, reference.id, pane_start, pane_s, model_version)
            if segments.has_room(stretch, pane):
                for profile, n in self._profiles(reference, rows, where):
                    segments.add(stretch, pane, profile, n=n)
                self._tally.counted(registration.name, segments.topic, len(where))
                self._count_segments(reference, rows, where, stretch, pane)
                if limit := registration.monitor.spec.detection.outliers.publish_rows:
                    found = _outlying(rows, where, reference, limit)
                    segments.add_outlying(stretch, pane, found, limit=limit)
            else:
                self._tally.skipped(registration.name, "too many panes", len(where))

    def _count_segments(
        self,
        reference: Reference,
        rows: LogRows,
        where: NDArray[np.intp],
        stretch: int,
        pane: Pane,
    ) -> None:
        """Counts the rows of a pane once more, apart by the values of the columns that say so."""
        assert self.predictions is not None
        for index, among in split(rows_at(rows.rows, where), reference.segments):
            own = pane.of_segment(index)
            if not self.predictions.has_room(stretch, own):
                self._tally.skipped(pane.monitor, "too many segments", len(among))
                continue
            for profile, n in self._profiles(reference, rows, where[among]):
                self.predictions.add(stretch, own, profile, n=n)

    def _profiles(
        self, reference: Reference, rows: LogRows, where: NDArray[np.intp]
    ) -> Iterator[tuple[Profile, int]]:
        """Of some of the rows, with how many: those that weigh alike are counted together."""
        kinds = np.stack([rows.weights[where], rows.one_in[where]])
        for weight, one_in in _distinct(kinds):
            alike = where[(kinds[0] == weight) & (kinds[1] == one_in)]
            profile = count(
                rows_at(rows.rows, alike),
                reference,
                times=rows.times[alike],
                ids=ids_at(rows.ids, alike),
                backend=choose(self._device, n_values=len(alike) * len(reference.columns)),
            )
            yield weighed(profile, weight, one_in=one_in), len(alike)

    def _count_faults(
        self,
        registration: Registration,
        reference: Reference,
        rows: LogRows,
        counting: NDArray[np.bool_],
        pane_starts: Floats,
        model_version: str,
    ) -> None:
        """Counts repeated ids and rows with new columns in the panes of their rows, and values of
        another type, of which a message tells no more than how many, in the pane of its first."""
        assert self.predictions is not None
        segments, here = self.predictions, np.flatnonzero(counting)
        if not len(here):
            return
        stretch = segments.start_of(int(rows.offsets[0]))
        is_repeated = segments.repeats(stretch, registration.name).among(ids_at(rows.ids, here))
        repeated = _weight_by_pane(rows, pane_starts, here[is_repeated])
        with_new = _weight_by_pane(rows, pane_starts, here[rows.has_new[here]])
        mismatched: dict[float, Counter[str]] = {}
        for offset, counts in rows.mismatched.items():
            for i in here[rows.offsets[here] == offset][:1].tolist():
                weighed_counts = {name: n * int(rows.weights[i]) for name, n in counts.items()}
                mismatched.setdefault(float(pane_starts[i]), Counter()).update(weighed_counts)
        pane_s = registration.monitor.pane_s
        for start in sorted({*repeated, *with_new, *mismatched}):
            pane = Pane(registration.name, reference.id, start, pane_s, model_version)
            if segments.has_room(stretch, pane):
                faults = count_faults(
                    reference,
                    mismatched=mismatched.get(start, {}),
                    n_repeated=repeated[start],
                    n_with_new=with_new[start],
                )
                segments.add(stretch, pane, faults, n=0)


def _distinct(kinds: Counts) -> list[list[int]]:
    """The columns of a matrix, each once; quickly where there is but one, as there is mostly."""
    if (kinds == kinds[:, :1]).all():
        return kinds[:, :1].T.tolist()  # type: ignore[no-any-return]
    return np.unique(kinds, axis=1).T.tolist()  # type: ignore[no-any-return]


def _weight_by_pane(rows: LogRows, pane_starts: Floats, where: NDArray[np.intp]) -> Counter[float]:
    """By the start of their pane, the weight of some of the rows."""
    starts, places = np.unique(pane_starts[where], return_inverse=True)
    sums = np.bincount(places, weights=rows.weights[where], minlength=len(starts))
    return Counter(dict(zip(starts.tolist(), sums.astype(np.int64).tolist(), strict=True)))


def _outlying(
    rows: LogRows, where: NDArray[np.intp], reference: Reference, limit: int
) -> list[OutlyingRow]:
    ids = ids_at(rows.ids, where)
    return outlying(rows_at(rows.rows, where), ids, rows.times[where], reference, limit=limit)
