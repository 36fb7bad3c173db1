"""A question reaches the peer as it was asked, and its answer comes back."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.peers.exchange import Question, answer, p_strength


def question() -> Question:
    rng = np.random.default_rng(1)
    return Question(
        reference_numbers=rng.normal(size=(50, 3)),
        reference_codes=rng.integers(0, 4, (50, 2)),
        numbers=rng.normal(size=(4, 10, 3)),
        codes=rng.integers(0, 4, (4, 10, 2)),
    )


def test_a_question_survives_the_file(tmp_path: Path) -> None:
    question().save(tmp_path / "q.npz")
    again = Question.load(tmp_path / "q.npz")
    np.testing.assert_array_equal(again.numbers, question().numbers)
    np.testing.assert_array_equal(again.reference_codes, question().reference_codes)
    assert (again.n_windows, again.window_rows) == (4, 10)
    assert again.number_names + again.category_names == ["x0", "x1", "x2", "k0", "k1"]


def test_an_answer_is_plain_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    question().save(tmp_path / "q.npz")
    monkeypatch.setattr("sys.argv", ["peer", f"{tmp_path}/q.npz", f"{tmp_path}/a.json"])
    answer(lambda asked: {"mean": asked.numbers.mean(axis=1)})
    plain = json.loads((tmp_path / "a.json").read_text())
    np.testing.assert_allclose(plain["mean"], question().numbers.mean(axis=1), atol=1e-6)


def test_a_p_value_at_its_threshold_has_a_strength_of_one() -> None:
    strengths = p_strength(np.array([1.0, 0.05, 0.0025, 0.0]), 0.05)
    np.testing.assert_allclose(strengths[:3], [0, 1, 2], atol=1e-12)
    assert np.isfinite(strengths).all()
