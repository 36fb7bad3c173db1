"""What is counted as found, and as falsely found."""

import numpy as np
import pytest

from benchmarks.labelled_rows import Labelled, digits
from benchmarks.outliers import found, judged
from detectors.columns import Floats, Rows


def test_a_perfect_score_finds_all_and_flags_little_else() -> None:
    labelled = digits(np.random.default_rng(1))
    false, power = judged(labelled, lambda rows: _oracle(labelled, rows))
    assert power == 1
    assert false <= 0.2


def _oracle(labelled: Labelled, rows: Rows) -> Floats:
    noise = np.random.default_rng(rows.n).normal(size=rows.n)
    return noise + 100 * labelled.is_outlier if rows is labelled.mixed else noise


def test_a_score_that_says_nothing_finds_next_to_nothing() -> None:
    labelled = digits(np.random.default_rng(1))
    _, power = judged(labelled, lambda rows: np.random.default_rng(rows.n).random(rows.n))
    assert power < 0.1


def test_every_scorer_finds_digits_that_lie_on_their_side() -> None:
    powers = [row.power for row in found("digits on their side", repetitions=2)]
    assert powers == pytest.approx(np.ones(len(powers)), abs=0.1)
