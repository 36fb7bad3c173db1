"""A vector, an embedding say, as plain columns: its length and where it lies among the others."""

from dataclasses import dataclass, replace

import numpy as np

from detectors.artifact import Artifact
from detectors.columns import LARGEST_DIMENSIONS, Coded, Column, ColumnType, Field, Floats
from detectors.derived.derivation import Derived, part
from detectors.vectors.embedding import N_PLANE, Embedding, Vectors


@dataclass(frozen=True, slots=True)
class VectorDerivation:
    """Length, coordinates along the reference's first principal components, and the distance from
    the plane of these, where there are further ones.

    What no one column can say of a vector is in the sums: see `Embedding`.
    """

    field: Field
    embedding: Embedding

    @staticmethod
    def fit(field: Field, column: Column, *, rng: np.random.Generator) -> "VectorDerivation":
        """column: (rows, d). Raises ValueError naming the column where it is anything else."""
        vectors = _vectors(field, column)
        if not 1 <= vectors.shape[1] <= LARGEST_DIMENSIONS:
            raise ValueError(
                f"column {field.name!r} holds vectors of {vectors.shape[1]} dimensions; "
                f"from 1 to {LARGEST_DIMENSIONS} can be watched"
            )
        known = replace(field, dimensions=vectors.shape[1])
        return VectorDerivation(known, Embedding.fit(vectors, rng=rng))

    @staticmethod
    def from_artifact(field: Field, artifact: Artifact) -> "VectorDerivation":
        """Raises ValueError, KeyError or TypeError where the artifact is not a sound embedding."""
        embedding = Embedding.from_artifact(artifact)
        return VectorDerivation(replace(field, dimensions=embedding.d), embedding)

    def to_artifact(self) -> Artifact:
        return self.embedding.to_artifact()

    @property
    def fields(self) -> tuple[Field, ...]:
        components = [f"pc{i}" for i in range(1, min(self.embedding.k, N_PLANE) + 1)]
        residual = ["residual"] if self.embedding.k > N_PLANE else []
        names = ("norm", *components, *residual)
        return tuple(part(self.field, name, ColumnType.FLOAT) for name in names)

    @property
    def n_sums(self) -> int:
        return self.embedding.n_sums

    def derive(self, column: Column, times: Floats | None = None) -> Derived:  # noqa: ARG002
        """Raises ValueError naming the column where a vector is not as long as the reference's."""
        vectors = _vectors(self.field, column)
        if vectors.shape[1] != self.embedding.d:
            raise ValueError(
                f"column {self.field.name!r} holds vectors of {vectors.shape[1]} dimensions, "
                f"the reference's have {self.embedding.d}"
            )
        measured = self.embedding.measure(vectors)
        columns = (measured.norm, *measured.components.T[:N_PLANE], measured.residual)
        return Derived(columns[: len(self.fields)], measured.sums)


def _vectors(field: Field, column: Column) -> Vectors:
    if isinstance(column, Coded) or column.ndim != 2:
        raise ValueError(f"column {field.name!r} is a vector, but does not hold vectors")
    return column
