import numpy as np

from detectors.artifact import pack, unpack
from detectors.columns import Coded, Column, ColumnType, Field, Floats, Role, Rows
from detectors.derived import Derivations

SCHEMA = (
    Field("price", ColumnType.FLOAT),
    Field("comment", ColumnType.TEXT),
    Field("booked", ColumnType.TIMESTAMP),
    Field("face", ColumnType.VECTOR),
    Field("seats", ColumnType.FLOAT, Role.PREDICTION),
)
TIMES: Floats = np.arange(1.7e9, 1.7e9 + 200 * 3600.0, 3600.0)


def rows(n: int = 200, seed: int = 0) -> Rows:
    rng = np.random.default_rng(seed)
    columns: dict[str, Column] = {
        "price": rng.normal(size=n),
        "comment": Coded(rng.integers(-1, 3, n).astype(np.int32), ("a", "b c", "d e f")),
        "booked": TIMES[:n] - rng.exponential(1e6, n),
        "face": rng.normal(size=(n, 3)).astype(np.float32),
        "seats": rng.normal(size=n),
    }
    return Rows(columns, n)


DERIVATIONS = Derivations.fit(rows(), SCHEMA, times=TIMES, rng=np.random.default_rng(0))


def test_derived_columns_stand_where_that_stood_which_they_are_of() -> None:
    names = [field.name for field in DERIVATIONS.plain]
    assert names[:3] == ["price", "comment.length", "comment.words"]
    assert names[8:12] == ["booked.age", "booked.hour_of_day", "booked.day_of_week", "face.norm"]
    assert names[-2:] == ["face.pc3", "seats"]


def test_plain_fields_are_neither_derived_nor_without_a_column() -> None:
    plain = DERIVATIONS.plain
    derived, _ = DERIVATIONS.derive(rows(), times=TIMES)
    assert not any(field.type.is_derived for field in plain)
    assert {field.name for field in plain} == derived.columns.keys()
    for field in plain:
        assert field.type.is_coded == isinstance(derived.columns[field.name], Coded)


def test_parts_of_the_rows_derive_what_the_whole_does() -> None:
    whole, sums = DERIVATIONS.derive(rows(), times=TIMES)
    parts = [slice(0, 70), slice(70, None)]
    halves = []
    for where in parts:
        columns = {
            name: Coded(c.codes[where], c.levels) if isinstance(c, Coded) else c[where]
            for name, c in rows().columns.items()
        }
        some = Rows(columns, len(columns["price"]))
        halves.append(DERIVATIONS.derive(some, times=TIMES[where]))
    np.testing.assert_array_equal(halves[0][1] + halves[1][1], sums)
    for name in ("comment.letters", "booked.age", "face.pc1"):
        joined = np.concatenate([np.asarray(half.columns[name]) for half, _ in halves])
        np.testing.assert_array_equal(joined, np.asarray(whole.columns[name]))


def test_a_column_that_the_rows_lack_has_none_derived_and_adds_nothing() -> None:
    whole = rows()
    some = Rows({n: c for n, c in whole.columns.items() if n not in ("comment", "face")}, whole.n)
    derived, sums = DERIVATIONS.derive(some, times=TIMES)
    assert "comment.length" not in derived.columns
    assert not sums.any()
    assert len(sums) == DERIVATIONS.n_sums


def test_derivations_come_back_from_their_artifact() -> None:
    content = pack("test", DERIVATIONS.to_artifact())
    read = Derivations.from_artifact(unpack("test", content))
    assert read.schema == DERIVATIONS.schema
    assert read.plain == DERIVATIONS.plain
    assert pack("test", read.to_artifact()) == content


def test_the_schema_knows_how_long_vectors_are() -> None:
    assert {f.name: f.dimensions for f in DERIVATIONS.schema if f.dimensions} == {"face": 3}


def test_the_sums_of_vectors_are_found_by_name() -> None:
    _, sums = DERIVATIONS.derive(rows(), times=TIMES)
    (name, (derivation, part)), *others = DERIVATIONS.vectors(sums).items()
    assert (name, derivation.embedding.moments(part).n, others) == ("face", 200, [])


def test_rows_without_derived_columns_stay_as_they_are() -> None:
    plain = rows()
    derived, sums = Derivations(SCHEMA[:1]).derive(plain, times=None)
    assert derived is plain
    assert len(sums) == 0
