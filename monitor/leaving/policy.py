"""Which columns leave the pod, as a monitor's document says: for collectors, and for whoever fits
the reference, which has the same columns in the same form.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import pyarrow as pa

from detectors.columns import ColumnType, Field
from monitor.leaving.redaction import redact
from monitor.spec.capture import Rule
from monitor.spec.model import Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturePolicy:
    """What a document lets leave.

    only: the columns that may leave, None for all. left_out: those that stay nevertheless.
    named: those that the document speaks of, which is what lets text leave.
    types: of the reference's columns; empty while there is none.
    rules: what is done to columns before they leave.
    """

    only: frozenset[str] | None
    left_out: frozenset[str]
    named: frozenset[str]
    types: Mapping[str, ColumnType]
    rules: Mapping[str, Rule]

    @classmethod
    def of(cls, spec: Spec, schema: Sequence[Field] = ()) -> Self:
        ignored = {name for name, type_ in spec.columns.items() if type_ == "ignore"}
        dropped = {name for name, rule in spec.capture.redact.items() if rule == "drop"}
        inputs = spec.capture.columns
        outputs = {spec.prediction, *spec.probabilities.values(), *spec.capture.headers.values()}
        return cls(
            only=None if inputs is None else frozenset(outputs.union(inputs)),
            left_out=frozenset(ignored | dropped),
            named=_named(spec),
            types={field.name: field.type for field in schema},
            rules={n: rule for n, rule in spec.capture.redact.items() if rule != "drop"},
        )

    def is_left_out(self, name: str) -> bool:
        """Whether the document says that the column stays."""
        return name in self.left_out or (self.only is not None and name not in self.only)

    def is_unnamed_text(self, name: str, arrow: pa.DataType) -> bool:
        """Text of which the document says nothing stays: nobody knows what people write there.

        Without a reference all strings are text.
        """
        if name in self.named or not pa.types.is_string(arrow):
            return False
        return self.types.get(name, ColumnType.TEXT) is ColumnType.TEXT

    def redacted(self, name: str, values: pa.Array, key: bytes | None) -> pa.Array:
        """A column's values as they leave; see `monitor.leaving.redaction`."""
        rule = self.rules.get(name)
        return values if rule is None else redact(values, rule, key)


def _named(spec: Spec) -> frozenset[str]:
    capture = spec.capture
    others = (spec.label, spec.reference.time, spec.detection.match_by)
    return frozenset(
        {
            spec.prediction,
            *spec.columns,
            *spec.probabilities.values(),
            *spec.fairness,
            *spec.segments,
            *spec.importance,
            *(capture.columns or ()),
            *capture.redact,
            *capture.headers.values(),
            *(name for name in others if name is not None),
        }
    )
