import numpy as np

from detectors.bins import BELOW, MISSING, UNSEEN, ReferenceColumn, fit_column
from detectors.columns import Coded, ColumnType, Field, Floats, Rows
from detectors.scorers.ecod import Ecod
from detectors.scorers.placed import PlacedRows

X = Field("x", ColumnType.FLOAT)
Y = Field("y", ColumnType.FLOAT)
C = Field("c", ColumnType.CATEGORY)


def fit(rows: Rows) -> tuple[Ecod, list[ReferenceColumn]]:
    fields = {"x": X, "y": Y, "c": C}
    columns: list[ReferenceColumn] = [
        fit_column(fields[name], column) for name, column in rows.columns.items()
    ]
    placed = PlacedRows.of(rows, columns)
    return Ecod.fit(placed, columns, rng=np.random.default_rng(0)), columns


def normal(n: int, seed: int = 0) -> Rows:
    rng = np.random.default_rng(seed)
    return Rows({"x": rng.normal(size=n), "y": rng.normal(size=n)}, n)


def scores_by_definition(fitted_on: Floats, values: Floats) -> Floats:
    """-log of the smaller tail of a sample, the row itself added to it."""
    left = (fitted_on[None, :] <= values[:, None]).sum(axis=1)
    right = (fitted_on[None, :] >= values[:, None]).sum(axis=1)
    scores: Floats = -np.log((np.minimum(left, right) + 1) / (len(fitted_on) + 1))
    return scores


def test_its_terms_are_the_tails_of_the_rows_it_was_fitted_on() -> None:
    values = np.repeat(np.arange(20.0), 10)  # every value has a bin of its own: no rounding
    scorer, columns = fit(Rows({"x": values}, 200))
    new = Rows({"x": np.array([-1.0, 0.0, 3.0, 10.0, 19.0, 20.0])}, 6)
    expected = scores_by_definition(values, new.columns["x"])  # type: ignore[arg-type]  # numbers
    np.testing.assert_allclose(scorer.score(PlacedRows.of(new, columns)), expected, atol=1e-6)


def test_contributions_add_up_to_the_score_and_name_the_column() -> None:
    scorer, columns = fit(normal(1_000))
    placed = PlacedRows.of(
        Rows({"x": np.array([0.0, 9.0]), "y": np.array([-9.0, 0.0])}, 2), columns
    )
    terms = scorer.contributions(placed)
    assert terms.sum(axis=1).tolist() == scorer.score(placed).tolist()
    assert terms.argmax(axis=1).tolist() == [1, 0]


def test_what_was_never_seen_surprises_most() -> None:
    rng = np.random.default_rng(0)
    levels = Coded(rng.choice(3, 500, p=(0.7, 0.2, 0.1)).astype(np.int32), ("a", "b", "c"))
    scorer, columns = fit(Rows({"x": rng.normal(size=500), "c": levels}, 500))
    surprise_x, surprise_c = np.split(scorer.surprise, [columns[0].n_slots])
    assert surprise_x.max() == surprise_x[BELOW] == surprise_x[MISSING]
    assert surprise_c.argmax() in (MISSING, UNSEEN)
    assert (np.diff(surprise_c[3:]) > 0).all()
