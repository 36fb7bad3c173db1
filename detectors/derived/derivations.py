"""From the columns that rows come with to the plain ones that are counted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from detectors.artifact import Artifact, combined, parts_of
from detectors.columns import Column, ColumnType, Counts, Field, Floats, Role, Rows
from detectors.derived.derivation import Derivation
from detectors.derived.text import TextDerivation
from detectors.derived.timestamp import TimestampDerivation
from detectors.derived.vector import VectorDerivation


@dataclass(frozen=True, slots=True)
class Derivations:
    """schema: of the columns that rows come with. steps: one for each of them that is derived."""

    schema: tuple[Field, ...]
    steps: tuple[Derivation, ...] = ()

    @staticmethod
    def fit(
        rows: Rows, schema: Sequence[Field], *, times: Floats | None, rng: np.random.Generator
    ) -> "Derivations":
        """times: (rows,) event times, epoch seconds.

        Raises ValueError naming the column that does not hold what its field says.
        """
        steps = [
            _fit(field, rows.columns[field.name], times=times, rng=rng)
            for field in schema
            if field.type.is_derived
        ]
        return _joined(schema, tuple(steps))

    @staticmethod
    def from_artifact(artifact: Artifact) -> "Derivations":
        """Raises ValueError, KeyError, TypeError where the artifact does not hold derivations."""
        parts = parts_of(artifact)
        schema = tuple(_read_field(meta) for meta in parts["schema"].meta)
        states = parts_of(parts["steps"])
        steps = tuple(
            _KINDS[field.type].from_artifact(field, states[str(i)])
            for i, field in enumerate(field for field in schema if field.type.is_derived)
        )
        return _joined(schema, steps)

    def to_artifact(self) -> Artifact:
        steps = {str(i): step.to_artifact() for i, step in enumerate(self.steps)}
        return combined(
            {
                "schema": Artifact([_field_json(field) for field in self.schema], {}),
                "steps": combined(steps),
            }
        )

    @property
    def plain(self) -> tuple[Field, ...]:
        """The schema with the derived columns in the place of what they are derived of."""
        derived = {step.field.name: step.fields for step in self.steps}
        return tuple(plain for field in self.schema for plain in derived.get(field.name, (field,)))

    @property
    def n_sums(self) -> int:
        return sum(self._sizes())

    def derive(self, rows: Rows, *, times: Floats | None) -> tuple[Rows, Counts]:
        """Rows with the derived columns in the place of what they are derived of, and the sums,
        (n_sums,), of all vector columns, one after another.

        times: (rows,) event times, epoch seconds. A column that the rows lack has none derived,
        and adds 0. Raises ValueError naming the column that does not hold what its field says.
        """
        if not self.steps:
            return rows, np.zeros(0, dtype=np.int64)
        columns: dict[str, Column] = dict(rows.columns)
        sums = np.zeros(self.n_sums, dtype=np.int64)
        for step, where in zip(self.steps, self._places(), strict=True):
            column = columns.pop(step.field.name, None)
            if column is not None:
                derived = step.derive(column, times)
                names = (field.name for field in step.fields)
                columns.update(zip(names, derived.columns, strict=True))
                sums[where] = derived.sums
        return Rows(columns, rows.n), sums

    def vectors(self, sums: Counts) -> Mapping[str, tuple[VectorDerivation, Counts]]:
        """The vector columns by name, each with its part of the sums, (n_sums,)."""
        return {
            step.field.name: (step, sums[where])
            for step, where in zip(self.steps, self._places(), strict=True)
            if isinstance(step, VectorDerivation)
        }

    def source(self, name: str) -> str:
        """What the column of this name is derived of; the name itself where it is not derived."""
        sources = {plain.name: step.field.name for step in self.steps for plain in step.fields}
        return sources.get(name, name)

    def could_sum_to(self, sums: Counts, *, n: int) -> bool:
        """Whether `sums`, (n_sums,), can be those of n rows."""
        vectors = self.vectors(sums).values()
        return all(step.embedding.could_sum_to(part, n=n) for step, part in vectors)

    def _places(self) -> list[slice]:
        """Where the sums of every step lie."""
        return [slice(*ends) for ends in pairwise(accumulate(self._sizes(), initial=0))]

    def _sizes(self) -> list[int]:
        return [step.n_sums for step in self.steps]


def _joined(schema: Sequence[Field], steps: tuple[Derivation, ...]) -> Derivations:
    """The schema knows of its derived columns what was found when these were fitted."""
    known = {step.field.name: step.field for step in steps}
    return Derivations(tuple(known.get(field.name, field) for field in schema), steps)


_Kind = type[TextDerivation] | type[TimestampDerivation] | type[VectorDerivation]

_KINDS: Mapping[ColumnType, _Kind] = {
    ColumnType.TEXT: TextDerivation,
    ColumnType.TIMESTAMP: TimestampDerivation,
    ColumnType.VECTOR: VectorDerivation,
}


def _fit(
    field: Field, column: Column, *, times: Floats | None, rng: np.random.Generator
) -> Derivation:
    match field.type:
        case ColumnType.TIMESTAMP:
            return TimestampDerivation.fit(field, column, times=times)
        case ColumnType.VECTOR:
            return VectorDerivation.fit(field, column, rng=rng)
        case _:
            return TextDerivation(field)


def _field_json(field: Field) -> list[str]:
    return [field.name, field.type.value, field.role.value]


def _read_field(meta: Sequence[Any]) -> Field:
    name, type_, role = meta
    return Field(str(name), ColumnType(type_), Role(role))
