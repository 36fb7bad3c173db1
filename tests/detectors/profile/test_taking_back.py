"""Labels that are taken back: what is added then is as if they had never been."""

import numpy as np
import pytest

from detectors.artifact import ArtifactError
from detectors.profile import Profile, count, count_labels
from detectors.reference import Reference
from tests.detectors.makers import traffic

N = 200


def labels(reference: Reference, truths: np.ndarray) -> Profile:
    rows, _ = traffic(N, seed=3)
    return count_labels(rows.columns["seats"], truths, reference, delays_s=np.full(N, 60.0))


def test_what_is_taken_back_was_never_there(reference: Reference) -> None:
    rng = np.random.default_rng(0)
    wrong, right = rng.normal(20, 5, N), rng.normal(30, 5, N)
    corrected = (
        labels(reference, wrong) + labels(reference, right) + labels(reference, wrong).taking_back()
    )
    assert corrected == labels(reference, right)


def test_it_survives_its_bytes(reference: Reference) -> None:
    taken = labels(reference, np.full(N, 20.0)).taking_back()
    assert Profile.from_bytes(taken.to_bytes(), reference) == taken


def test_rows_are_not_taken_back(reference: Reference) -> None:
    rows, _ = traffic(N, seed=3)
    with pytest.raises(ValueError, match="only labels"):
        count(rows, reference).taking_back()


def test_a_profile_of_rows_with_a_negative_count_is_damaged(reference: Reference) -> None:
    rows, _ = traffic(N, seed=3)
    odd = count(rows, reference) + labels(reference, np.full(N, 20.0)).taking_back()
    with pytest.raises(ArtifactError):
        Profile.from_bytes(odd.to_bytes(), reference)
