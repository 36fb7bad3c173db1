"""What holds for every scorer; one that is added to the package is found and checked."""

from typing import Protocol

import numpy as np
import pytest

from detectors import scorers
from detectors.artifact import Artifact
from detectors.bins import Places
from detectors.columns import Floats, Rows
from detectors.reference import Reference


class Scorer(Protocol):
    def score(self, places: Places, /) -> Floats: ...

    def to_artifact(self) -> Artifact: ...


@pytest.fixture(params=scorers.__all__)
def scorer(request: pytest.FixtureRequest, reference: Reference) -> Scorer:
    kind = getattr(scorers, request.param)
    found: list[Scorer] = [value for value in vars(reference).values() if isinstance(value, kind)]
    return found[0]


def test_every_row_gets_a_finite_score(scorer: Scorer, rows: Rows, reference: Reference) -> None:
    scores = scorer.score(reference.place(rows))
    assert scores.shape == (rows.n,)
    assert np.isfinite(scores).all()


def test_no_rows_get_no_score(scorer: Scorer, reference: Reference) -> None:
    assert scorer.score(reference.place(Rows({}, 0))).shape == (0,)


def test_a_row_is_scored_alike_in_every_batch(
    scorer: Scorer, rows: Rows, reference: Reference
) -> None:
    places = reference.place(rows)
    singly = [scorer.score(places[:, i : i + 1])[0] for i in range(rows.n)]
    assert scorer.score(places).tolist() == singly


def test_its_parameters_are_plain_arrays(scorer: Scorer) -> None:
    assert all(array.dtype.kind in "iuf" for array in scorer.to_artifact().arrays.values())
