"""What of a batch leaves the pod, as its monitor's document says.

Every way in puts its rows through here before anything of them is written to a disk.
"""

import logging
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import orjson
import pyarrow as pa

from detectors.columns import RESERVED_PREFIX
from monitor.batches import ID, LABEL, ONE_IN, WEIGHT, lost
from monitor.collector.envelope import Destination
from monitor.collector.telemetry import Telemetry
from monitor.kafka.messages import Registration
from monitor.leaving.policy import CapturePolicy
from monitor.leaving.sampling import Pace, chosen, numbers_of

log = logging.getLogger(__name__)

MAX_NEW_COLUMNS = 20
"""So many columns that nobody declared are told of by name; the rest are told together."""

_NAME = re.compile(r"[^\W\d][\w. -]{0,63}")
"""What such a name looks like, to leave: where rows are keyed by people, keys are personal."""


@dataclass(slots=True)
class _Screen:
    """A revision of a monitor.

    whole: an Arrow schema of which every column leaves as it is; most batches have the same.
    told: what the log has been told of already.
    """

    registration: Registration
    policy: CapturePolicy
    pace: Pace | None
    whole: pa.Schema | None = None
    told: set[str] = field(default_factory=set)


class Screening:
    """Lets rows leave as their monitors' documents say. Any thread may use it.

    hash_key: of keyed hashes; without it, what is to be hashed is missing from what leaves.
    """

    def __init__(self, telemetry: Telemetry, *, hash_key: bytes | None = None) -> None:
        self._telemetry = telemetry
        self._hash_key = hash_key
        self._screens: dict[str, _Screen] = {}
        self._lock = threading.Lock()

    def admit(
        self,
        batch: pa.RecordBatch,
        registration: Registration,
        destination: Destination,
        *,
        now: float,
    ) -> pa.RecordBatch:
        """The rows that leave, as they leave; there may be none. now: seconds since 1970."""
        screen = self._screen(registration)
        self._telemetry.read.labels(registration.name, destination).inc(batch.num_rows)
        if destination is Destination.LABELS:
            return self._sampled(self._labels(batch, screen), screen, destination, n_halvings=0)
        self._count_breaks(batch, screen)
        n_halvings = 0
        if screen.pace is not None:
            with self._lock:
                n_halvings = screen.pace.halvings(batch.num_rows, now=now)
        return self._sampled(
            self._predictions(batch, screen), screen, destination, n_halvings=n_halvings
        )

    def _screen(self, registration: Registration) -> _Screen:
        known = self._screens.get(registration.name)
        if known is not None and known.registration is registration:
            return known
        spec = registration.monitor.spec
        limit = spec.capture.sample.rows_per_second
        screen = _Screen(
            registration,
            CapturePolicy.of(spec, registration.schema),
            None if limit is None else Pace(limit),
        )
        self._screens[registration.name] = screen
        self._warn_of_missing_key(screen)
        return screen

    def _warn_of_missing_key(self, screen: _Screen) -> None:
        hashed = sorted(name for name, rule in screen.policy.rules.items() if rule == "hash")
        if hashed and self._hash_key is None:
            names = ", ".join(hashed)
            log.error(
                "%s: %s cannot be hashed without --hash-key-file and is missing from what leaves",
                screen.registration.name,
                names,
            )

    def _predictions(self, batch: pa.RecordBatch, screen: _Screen) -> pa.RecordBatch:
        metadata = {**(batch.schema.metadata or {}), **_unknown(batch, screen.policy)} or None
        if screen.whole is not None and batch.schema.equals(screen.whole):
            return batch.replace_schema_metadata(metadata)
        return pa.record_batch(self._columns(batch, screen)).replace_schema_metadata(metadata)

    def _columns(self, batch: pa.RecordBatch, screen: _Screen) -> dict[str, pa.Array]:
        policy = screen.policy
        columns: dict[str, pa.Array] = {}
        for name, values in zip(batch.schema.names, batch.columns, strict=True):
            if name.startswith(RESERVED_PREFIX):
                columns[name] = values
            elif policy.is_left_out(name):
                continue
            elif policy.is_unnamed_text(name, values.type):
                _tell(screen, name, "holds text that the document does not name, and stays here")
            else:
                columns[name] = policy.redacted(name, values, self._hash_key)
        if len(columns) == batch.num_columns and not policy.rules:
            screen.whole = batch.schema
        return columns

    def _labels(self, batch: pa.RecordBatch, screen: _Screen) -> pa.RecordBatch:
        """A label is compared with its prediction, and leaves in the same form."""
        prediction = screen.registration.monitor.spec.prediction
        if prediction not in screen.policy.rules:
            return batch
        where = batch.schema.get_field_index(LABEL)
        label = screen.policy.redacted(prediction, batch[LABEL], self._hash_key)
        return batch.set_column(where, LABEL, label)

    def _sampled(
        self, batch: pa.RecordBatch, screen: _Screen, destination: Destination, *, n_halvings: int
    ) -> pa.RecordBatch:
        one_in = screen.registration.monitor.spec.capture.sample.one_in
        if destination is Destination.PREDICTIONS and one_in > 1:
            told = {**(batch.schema.metadata or {}), ONE_IN.encode(): str(one_in).encode()}
            batch = batch.replace_schema_metadata(told)
        if one_in << n_halvings == 1:
            return batch
        leaving = batch.filter(pa.array(chosen(batch[ID].to_pylist(), one_in << n_halvings)))
        n_left = batch.num_rows - leaving.num_rows
        self._telemetry.unsampled.labels(screen.registration.name, destination).inc(n_left)
        leaving = leaving.replace_schema_metadata(_fewer_mismatches(batch, leaving))
        if n_halvings == 0:
            return leaving
        weights = pa.array(np.full(leaving.num_rows, 1 << n_halvings, dtype=np.int32))
        return leaving.append_column(WEIGHT, weights)

    def _count_breaks(self, batch: pa.RecordBatch, screen: _Screen) -> None:
        new = _new(batch, screen.policy)
        breaks = {
            "new": new,
            "missing": lost(batch, "absent"),
            "retyped": lost(batch, "mismatched"),
        }
        for kind, counts in breaks.items():
            if counts:
                n = sum(counts.values())
                self._telemetry.schema_breaks.labels(screen.registration.name, kind).inc(n)
                for name in counts:
                    _tell(screen, name, _BREAKS[kind])


_BREAKS = {
    "new": "is not in the reference, and stays here",
    "missing": "is in the reference, but not in what came",
    "retyped": "came with values of another type, which are missing now",
}


def _fewer_mismatches(
    batch: pa.RecordBatch, leaving: pa.RecordBatch
) -> Mapping[bytes, bytes] | None:
    """What is told of the rows that leave: of the values that did not fit, their part of all.

    Nobody knows in which rows those were. A part of a value is one or none, by chance, or else few
    of them in each of many batches would never be told.
    """
    metadata = dict(batch.schema.metadata or {})
    mismatched = lost(batch, "mismatched")
    if mismatched and leaving.num_rows:
        (number,) = numbers_of([f"the faults beside {batch[ID][0]}"]).tolist()
        part, chance = leaving.num_rows / batch.num_rows, number / 2.0**64
        told = {name: int(n * part + chance) for name, n in mismatched.items()}
        metadata[b"mismatched"] = orjson.dumps({name: n for name, n in told.items() if n})
    return metadata or None


def _new(batch: pa.RecordBatch, policy: CapturePolicy) -> Mapping[str, int]:
    """Columns that came and that neither the reference nor the document knows."""
    unknown = lost(batch, "unknown")
    return {
        name: n
        for name, n in unknown.items()
        if name not in policy.named and not policy.is_left_out(name)
    }


def _unknown(batch: pa.RecordBatch, policy: CapturePolicy) -> Mapping[bytes, bytes]:
    """What a batch tells of such columns: names that look like names, and a sum of the others."""
    if not lost(batch, "unknown"):
        return {}
    told: dict[str, int] = {}
    for name, n in _new(batch, policy).items():
        is_told = _is_name(name) and len(told) < MAX_NEW_COLUMNS
        told[name if is_told else ""] = told.get(name if is_told else "", 0) + n
    return {b"unknown": orjson.dumps(told)}


def _is_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def _tell(screen: _Screen, column: str, what: str) -> None:
    """Once a revision, so that a client's mistake does not fill the log."""
    if not _is_name(column) or len(screen.told) >= MAX_NEW_COLUMNS or column in screen.told:
        return
    screen.told.add(column)
    log.warning("%s: the column %r %s", screen.registration.name, column, what)
