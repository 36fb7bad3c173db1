from collections.abc import Callable
from importlib.util import find_spec
from typing import NoReturn

import numpy as np
import pytest

from detectors.columns import Floats
from detectors.scorers.autoencoder import Autoencoder
from tests.detectors.scorers.numbers import columns_of, placed, standardised


def curved(n: int, seed: int) -> Floats:
    """(n, 3) close to a curve, which no plane follows."""
    rng = np.random.default_rng(seed)
    t = rng.uniform(-2, 2, n)
    return np.column_stack([t, t**2, np.sin(3 * t)]) + rng.normal(0, 0.05, (n, 3))


REFERENCE, NEW = curved(4_000, seed=0), curved(500, seed=1)
COLUMNS = columns_of(REFERENCE)


@pytest.fixture(scope="module")
def scorer(not_tested: Callable[[str], NoReturn]) -> Autoencoder:
    if find_spec("torch") is None:
        not_tested("there is no PyTorch for the autoencoder to be trained by")
    rng = np.random.default_rng(0)
    return Autoencoder.fit(placed(REFERENCE, COLUMNS), COLUMNS, rng=rng)


def test_rows_like_the_reference_are_reconstructed(scorer: Autoencoder) -> None:
    error = scorer.score(placed(NEW, COLUMNS)).mean()
    assert error < 0.5 * (standardised(NEW, REFERENCE) ** 2).sum(axis=1).mean()


def test_rows_off_the_curve_are_not(scorer: Autoencoder) -> None:
    off = np.random.default_rng(2).permuted(NEW, axis=0)
    near, far = (scorer.score(placed(rows, COLUMNS)) for rows in (NEW, off))
    assert np.median(far) > 3 * np.median(near)


def test_a_value_far_away_is_as_far_from_its_reconstruction(scorer: Autoencoder) -> None:
    far = np.array([[0.0, 0.0, 1e6]])
    assert scorer.score(placed(far, COLUMNS))[0] > 100**2
    assert scorer.contributions(placed(far, COLUMNS)).argmax() == 2


def test_training_again_gives_the_same_network(scorer: Autoencoder) -> None:
    rng = np.random.default_rng(0)
    again = Autoencoder.fit(placed(REFERENCE, COLUMNS), COLUMNS, rng=rng)
    assert all((a == b).all() for a, b in zip(again.weights, scorer.weights, strict=True))
