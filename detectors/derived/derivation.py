"""What turns one column that cannot be binned into plain ones."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from detectors.artifact import Artifact
from detectors.columns import Column, ColumnType, Counts, Field, Floats


@dataclass(frozen=True, slots=True)
class Derived:
    """columns: one for each of the derivation's fields. sums: (n_sums,) of vectors."""

    columns: tuple[Column, ...]
    sums: Counts = field(default_factory=lambda: np.empty(0, dtype=np.int64))


class Derivation(Protocol):
    """How one column becomes plain columns, named after it: "comment.length"."""

    @property
    def field(self) -> Field:
        """The column's own."""
        ...

    @property
    def fields(self) -> tuple[Field, ...]:
        """Of the plain columns; none of them is derived in its turn."""
        ...

    @property
    def n_sums(self) -> int:
        """How many numbers a batch's sums are."""
        ...

    def derive(self, column: Column, times: Floats | None) -> Derived:
        """times: (rows,) event times, epoch seconds. A row's values depend on that row alone."""
        ...

    def to_artifact(self) -> Artifact: ...


def part(whole: Field, name: str, type_: ColumnType) -> Field:
    """The field of a plain column; its role is that of what it is derived from."""
    return Field(f"{whole.name}.{name}", type_, whole.role)
