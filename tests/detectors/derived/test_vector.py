import numpy as np
import pytest

from detectors.columns import LARGEST_DIMENSIONS, Coded, Column, ColumnType, Field, Floats, Role
from detectors.derived.vector import VectorDerivation

FIELD = Field("face", ColumnType.VECTOR)


def vectors(n: int, d: int, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).normal(size=(n, d))


def fitted(column: Column, field: Field = FIELD) -> VectorDerivation:
    return VectorDerivation.fit(field, column, rng=np.random.default_rng(0))


@pytest.mark.parametrize(
    ("d", "names"),
    [
        (1, ["norm", "pc1"]),
        (5, ["norm", "pc1", "pc2", "pc3", "pc4", "pc5"]),
        (6, ["norm", "pc1", "pc2", "pc3", "pc4", "pc5", "residual"]),
        (300, ["norm", "pc1", "pc2", "pc3", "pc4", "pc5", "residual"]),
    ],
)
def test_its_columns_are_where_it_lies(d: int, names: list[str]) -> None:
    derivation = fitted(vectors(100, d), Field("face", ColumnType.VECTOR, Role.PREDICTION))
    assert [field.name for field in derivation.fields] == [f"face.{name}" for name in names]
    assert {field.role for field in derivation.fields} == {Role.PREDICTION}
    derived = derivation.derive(vectors(7, d, seed=1))
    assert [len(column) for column in derived.columns] == [7] * len(names)
    assert len(derived.sums) == derivation.n_sums


def test_its_field_knows_how_long_vectors_are() -> None:
    assert fitted(vectors(50, 4)).field.dimensions == 4


def test_vectors_that_are_all_missing_have_a_length_alone() -> None:
    derivation = fitted(np.full((20, 4), np.nan))
    assert [field.name for field in derivation.fields] == ["face.norm"]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (vectors(3, 5), "'face' holds vectors of 5 dimensions, the reference's have 4"),
        (np.zeros(3), "'face' is a vector, but does not hold vectors"),
        (Coded(np.zeros(3, dtype=np.int32), ("x",)), "does not hold vectors"),
    ],
)
def test_what_is_no_vector_of_the_references_length_is_refused(
    column: Column, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        fitted(vectors(50, 4)).derive(column)


@pytest.mark.parametrize("d", [0, LARGEST_DIMENSIONS + 1])
def test_vectors_of_no_or_too_many_dimensions_are_refused(d: int) -> None:
    with pytest.raises(ValueError, match=f"vectors of {d} dimensions"):
        fitted(np.zeros((3, d)))
