"""Data that a reference is fitted on, in the form in which rows leave the pod.

What never leaves cannot be compared; what leaves hashed or in buckets is compared with the same.
"""

import logging
from collections.abc import Sequence

import pyarrow as pa

from monitor.batches import ID, WEIGHT, one_in, weights
from monitor.files import FileError, are_mostly_distinct
from monitor.leaving.policy import CapturePolicy
from monitor.leaving.redaction import redact
from monitor.leaving.sampling import chosen
from monitor.spec.capture import Rule
from monitor.spec.model import Spec

log = logging.getLogger(__name__)


def leaving_columns(table: pa.Table, spec: Spec) -> pa.Table:
    """The columns that collectors let leave, and the label."""
    policy = CapturePolicy.of(spec)
    texts = [
        name
        for name, values in zip(table.column_names, table.columns, strict=True)
        if name not in policy.named and are_mostly_distinct(values)
    ]
    if texts:
        names = ", ".join(texts)
        log.warning("text that the document does not name stays in the pod, unwatched: %s", names)
    return table.select(
        [
            name
            for name in table.column_names
            if name == spec.label or not (policy.is_left_out(name) or name in texts)
        ]
    )


def redacted(table: pa.Table, spec: Spec, hash_key: bytes | None) -> pa.Table:
    """The columns as collectors let them leave; the label in the form of the prediction.

    Raises FileError where a rule does not fit, and where there is no key to hash with.
    """
    rules = dict(CapturePolicy.of(spec).rules)
    if spec.label is not None and (rule := rules.get(spec.prediction)) is not None:
        rules[spec.label] = rule
    for where, name in enumerate(table.column_names):
        if (rule := rules.get(name)) is not None:
            values = table.column(name).combine_chunks()
            table = table.set_column(where, name, _ruled(name, values, rule, hash_key))
    return table


def _ruled(name: str, values: pa.Array, rule: Rule, hash_key: bytes | None) -> pa.Array:
    if rule == "hash" and hash_key is None:
        raise FileError(f"column {name!r} is to be hashed: start serve with --hash-key-file")
    found = redact(values, rule, hash_key)
    if found.null_count == len(found) > values.null_count:
        raise FileError(f"spec.capture.redact cannot be done to {name!r}: it holds {values.type}")
    return found


def evenly_sampled(batches: Sequence[pa.RecordBatch]) -> list[pa.RecordBatch]:
    """Of rows that stand for different numbers of predictions, those that leave at the smallest
    share among them: they stand for equally many.
    """
    shares = [one_in(batch) * int(weights(batch).max(initial=1)) for batch in batches]
    if len(set(shares)) < 2 and not any(WEIGHT in batch.schema.names for batch in batches):
        return list(batches)
    smallest = max(shares)
    return [b.filter(pa.array(chosen(b[ID].to_pylist(), smallest))) for b in batches]
