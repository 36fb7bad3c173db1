"""What every scorer promises. They are found by themselves: a class of the package
`detectors.scorers` that can be fitted and scores is a scorer."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

import detectors.scorers
from detectors.artifact import Artifact, pack, unpack
from detectors.bins import ReferenceColumn, fit_column
from detectors.columns import Coded, Column, ColumnType, Field, Floats, Role, Rows
from detectors.scorers import OUTLIER_SCORERS, ExpectedError, PlacedRows
from tests.detectors.makers import SCHEMA, traffic

FIELDS = (
    *SCHEMA,
    Field("sure", ColumnType.FLOAT, Role.PREDICTION),
    Field("truth", ColumnType.FLOAT, Role.LABEL),
)
EXTREMES = (0.0, -0.0, 1.0, 1e308, -1.7e308, 5e-324, np.inf, -np.inf, np.nan, 2.0**60, -1e-320)

Scorer = Any


def find() -> Iterator[type]:
    for module in pkgutil.iter_modules(detectors.scorers.__path__, "detectors.scorers."):
        for _, kind in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if kind.__module__ == module.name and {"fit", "score"} <= set(dir(kind)):
                yield kind


SCORERS: Mapping[str, type] = {kind.__name__: kind for kind in find()}

# The other one says how wrong the model is.
of_outliers = pytest.mark.parametrize(
    "name", ["Outlier", *(kind.__name__ for kind in OUTLIER_SCORERS.values())], indirect=True
)


def columns_of(rows: Rows) -> list[ReferenceColumn]:
    return [fit_column(field, rows.columns[field.name]) for field in FIELDS]


def usual(n: int, seed: int, *, shift: float = 0.0) -> Rows:
    rows, labels = traffic(n, seed, shift=shift)
    sure = np.random.default_rng(seed).beta(0.5, 0.5, n)
    return Rows({**rows.columns, "sure": sure, "truth": labels}, n)


def extreme(n: int, seed: int) -> Rows:
    rng = np.random.default_rng(seed)
    columns: dict[str, Column] = {}
    for field in FIELDS:
        if field.type.is_numeric:
            columns[field.name] = rng.choice(EXTREMES, n)
        else:
            columns[field.name] = Coded(rng.integers(-1, 3, n).astype(np.int32), ("", "é", "sun"))
    return Rows(columns, n)


def constant(n: int) -> Rows:
    columns = {f.name: np.full(n, 0.25) if f.type.is_numeric else _one_level(n) for f in FIELDS}
    return Rows(columns, n)


def all_missing_but_one(n: int) -> Rows:
    columns: dict[str, Column] = {}
    for field in FIELDS:
        missing = Coded(np.full(n, -1, np.int32), ("true",))
        columns[field.name] = np.full(n, np.nan) if field.type.is_numeric else missing
    return Rows({**columns, "sure": np.linspace(0, 1, n)}, n)


def _one_level(n: int) -> Coded:
    return Coded(np.zeros(n, np.int32), ("true",))


def fit(kind: type, rows: Rows, *, seed: int = 0) -> tuple[Scorer, Sequence[ReferenceColumn]]:
    columns = columns_of(rows)
    fitter: Any = kind
    placed, rng = PlacedRows.of(rows, columns), np.random.default_rng(seed)
    if kind is ExpectedError:
        losses = np.random.default_rng(1).exponential(size=rows.n)
        return fitter.fit(placed, losses, columns, rng=rng), columns
    return fitter.fit(placed, columns, rng=rng), columns


class Fitted:
    """A scorer of each kind, fitted once on usual rows."""

    def __init__(self) -> None:
        self._fitted: dict[str, Scorer] = {}
        self.rows = usual(3_000, seed=1)
        self.columns = columns_of(self.rows)

    def scorer(self, name: str) -> Scorer:
        if name not in self._fitted:
            self._fitted[name] = fit(SCORERS[name], self.rows)[0]
        return self._fitted[name]

    def placed(self, rows: Rows) -> PlacedRows:
        return PlacedRows.of(rows, self.columns)


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    return Fitted()


@pytest.fixture(scope="module", params=sorted(SCORERS))
def name(request: pytest.FixtureRequest, not_tested: Callable[[str], NoReturn]) -> str:
    if request.param == "Autoencoder" and importlib.util.find_spec("torch") is None:
        not_tested("there is no PyTorch for the autoencoder to be trained by")
    found: str = request.param
    return found


def test_every_module_of_a_scorer_is_found() -> None:
    assert {"Ecod", "Hbos", "IsolationForest", "Mahalanobis"} <= set(SCORERS)


@pytest.mark.parametrize("n", [0, 1, 2, 300])
def test_every_row_gets_a_finite_score(name: str, fitted: Fitted, n: int) -> None:
    scores = fitted.scorer(name).score(fitted.placed(usual(n, seed=2)))
    assert scores.shape == (n,)
    assert np.isfinite(scores).all()


@settings(max_examples=15)
@given(n=st.integers(1, 40), seed=st.integers(0, 999))
def test_no_row_is_too_bad_for_a_finite_score(name: str, fitted: Fitted, n: int, seed: int) -> None:
    scores = fitted.scorer(name).score(fitted.placed(extreme(n, seed)))
    assert np.isfinite(scores).all()


def test_rows_without_columns_get_a_finite_score(name: str, fitted: Fitted) -> None:
    assert np.isfinite(fitted.scorer(name).score(fitted.placed(Rows({}, 3)))).all()


REFERENCES = {
    "extreme": Rows({**extreme(300, seed=5).columns, "sure": np.linspace(0, 1, 300)}, 300),
    "constant": constant(50),
    "all missing but one": all_missing_but_one(50),
    "two rows": usual(2, seed=3),
}


@pytest.mark.parametrize("reference", sorted(REFERENCES))
def test_no_reference_is_too_bad_to_score_by(name: str, reference: str) -> None:
    scorer, columns = fit(SCORERS[name], REFERENCES[reference])
    for rows in (*REFERENCES.values(), usual(20, seed=4)):
        assert np.isfinite(scorer.score(PlacedRows.of(rows, columns))).all()


def test_the_same_seed_gives_the_same_bytes(name: str, fitted: Fitted) -> None:
    again, _ = fit(SCORERS[name], fitted.rows)
    ours = pack("scorer", fitted.scorer(name).to_artifact())
    assert pack("scorer", again.to_artifact()) == ours


def test_its_bytes_score_as_it_does(name: str, fitted: Fitted) -> None:
    scorer, rows = fitted.scorer(name), fitted.placed(usual(200, seed=6))
    artifact = unpack("scorer", pack("scorer", scorer.to_artifact()))
    kind: Any = SCORERS[name]
    read = kind.from_artifact(artifact, fitted.columns)
    assert read.score(rows).tolist() == scorer.score(rows).tolist()


def test_bytes_of_other_columns_are_refused(name: str, fitted: Fitted) -> None:
    artifact: Artifact = fitted.scorer(name).to_artifact()
    kind: Any = SCORERS[name]
    with pytest.raises((ValueError, KeyError)):
        kind.from_artifact(artifact, fitted.columns[:2])


def test_a_row_is_scored_alike_in_every_batch(name: str, fitted: Fitted) -> None:
    scorer, rows = fitted.scorer(name), fitted.placed(usual(300, seed=7))
    singly = [scorer.score(rows.at(slice(i, i + 1)))[0] for i in range(rows.n)]
    assert scorer.score(rows).tolist() == singly


def test_what_it_reads_it_leaves_alone(name: str, fitted: Fitted) -> None:
    rows = usual(50, seed=8)
    for column in rows.columns.values():
        (column.codes if isinstance(column, Coded) else column).flags.writeable = False
    placed = fitted.placed(rows)
    placed.places.flags.writeable = False
    fitted.scorer(name).score(placed)


@of_outliers
def test_rows_unlike_the_reference_score_higher(name: str, fitted: Fitted) -> None:
    near, far = usual(500, seed=9), usual(500, seed=10, shift=5.0)
    hail = Coded(np.zeros(500, np.int32), ("hail",))
    far = Rows({**far.columns, "weather": hail, "sure": np.full(500, 0.5)}, 500)
    scores = [fitted.scorer(name).score(fitted.placed(rows)) for rows in (near, far)]
    assert roc_auc_score(np.repeat([0, 1], 500), np.concatenate(scores)) > 0.97


@of_outliers
def test_what_columns_contribute_adds_up_to_the_score(name: str, fitted: Fitted) -> None:
    scorer, rows = fitted.scorer(name), fitted.placed(usual(200, seed=11))
    terms: Floats = scorer.contributions(rows)
    assert terms.shape == (200, len(FIELDS))
    np.testing.assert_allclose(terms.sum(axis=1), scorer.score(rows), rtol=1e-9, atol=1e-9)
    assert not terms[:, -1].any(), "labels say nothing about a row's being an outlier"


def test_its_parameters_are_plain_arrays(name: str, fitted: Fitted) -> None:
    artifact: Artifact = fitted.scorer(name).to_artifact()
    assert all(array.dtype.kind in "iuf" for array in artifact.arrays.values())
