"""Free text and vectors in two tables: compared by the plain columns that are derived of them."""

import numpy as np
import pyarrow as pa
import pytest

from detectors.columns import Floats, Role
from detectors.two_sample import Reason, Verdict
from monitor.check.comparison import Check, check_tables
from monitor.check.derived import plain


def vectors(n: int, *, seed: int, d: int = 8, shift: float = 0.0) -> Floats:
    values = np.random.default_rng(seed).normal(size=(n, d))
    values[:, 0] += shift
    return values


def sentences(n: int, *, seed: int, words: int = 6) -> list[str]:
    rng = np.random.default_rng(seed)
    vocabulary = ["the", "train", "was", "late", "again", "and", "nobody", "said", "why", "today"]
    return [" ".join(rng.choice(vocabulary, rng.poisson(words) + 2)) for _ in range(n)]


def check(reference: dict[str, object], current: dict[str, object], **roles: Role) -> Check:
    return check_tables(pa.table(reference), pa.table(current), roles=roles, alpha=0.01)


def verdicts(check: Check) -> dict[str, Verdict]:
    return {column.name: column.verdict for column in check.columns}


def lists(values: Floats) -> pa.Array:
    return pa.array(values.tolist(), pa.list_(pa.float32()))


def test_vectors_of_one_law_are_quiet() -> None:
    found = check({"v": lists(vectors(800, seed=1))}, {"v": lists(vectors(600, seed=2))})
    assert set(verdicts(found)) == {"v.norm", *(f"v.pc{i}" for i in range(1, 6)), "v.residual"}
    assert found.verdict is Verdict.QUIET


def test_vectors_that_moved_drift_somewhere() -> None:
    found = check({"v": lists(vectors(800, seed=1))}, {"v": lists(vectors(600, seed=2, shift=1.0))})
    assert found.verdict is Verdict.DRIFT


def test_vectors_of_another_length_are_a_changed_type() -> None:
    before, after = lists(vectors(50, seed=1, d=4)), lists(vectors(50, seed=2, d=5))
    (column,) = check({"v": before}, {"v": after}).columns
    assert (column.verdict, column.reason) == (Verdict.TYPE_CHANGED, Reason.TYPE_CHANGED)
    assert column.moved == "vector of 4 → vector of 5"


def test_vectors_that_became_numbers_are_a_changed_type() -> None:
    (column,) = check({"v": lists(vectors(50, seed=1))}, {"v": [1.0] * 50}).columns
    assert column.moved == "vector → float"


def test_sentences_are_compared_by_their_length_and_characters() -> None:
    before, after = sentences(900, seed=1), sentences(700, seed=2)
    found = check({"s": before}, {"s": after})
    assert {"s.length", "s.words", "s.letters", "s.punctuation"} <= verdicts(found).keys()
    assert found.verdict is Verdict.QUIET
    longer = check({"s": before}, {"s": sentences(700, seed=2, words=12)})
    assert verdicts(longer)["s.words"] is Verdict.DRIFT


def test_few_wordings_stay_categories() -> None:
    found = check({"s": ["a b", "c d"] * 100}, {"s": ["a b", "c d"] * 100})
    assert list(verdicts(found)) == ["s"]


def test_the_label_and_the_prediction_stay_as_they_are() -> None:
    before, after = pa.table({"s": sentences(200, seed=1)}), pa.table({"s": sentences(200, seed=2)})
    assert plain(before, after, kept=["s"]) == (before, after)


def test_derived_columns_stand_where_that_stood_which_they_are_of() -> None:
    table = pa.table({"a": [1] * 20, "v": lists(vectors(20, seed=1, d=2)), "b": [2] * 20})
    reference, current = plain(table, table, kept=())
    assert reference.column_names == ["a", "v.norm", "v.pc1", "v.pc2", "b"]
    assert current.equals(reference)


@pytest.mark.parametrize("value", [None, [np.nan, 1.0], [np.inf, 1.0]])
def test_a_vector_that_is_not_whole_is_missing(value: list[float] | None) -> None:
    values = [*vectors(40, seed=1, d=2).tolist(), value]
    table = pa.table({"v": pa.array(values, pa.list_(pa.float32()))})
    reference, _ = plain(table, table, kept=())
    assert reference["v.norm"].null_count == 1
