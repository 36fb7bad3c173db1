import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from detectors.backend.rounding import rounded_down
from detectors.columns import Floats

cuts = hnp.arrays(np.float64, 20, elements=st.floats(allow_nan=False, allow_infinity=True))
narrow = hnp.arrays(np.float32, 20, elements=st.floats(width=32, allow_nan=True))


@given(cuts)
def test_a_rounded_cut_is_never_above_the_cut(cuts: Floats) -> None:
    assert (rounded_down(cuts) <= cuts).all()


@given(cuts, narrow)
def test_a_float32_lies_above_both_or_neither(cuts: Floats, values: NDArray[np.float32]) -> None:
    above = values[:, None] > rounded_down(cuts)
    assert np.array_equal(above, values[:, None].astype(np.float64) > cuts)


def test_what_float32_holds_stays_as_it_is() -> None:
    exact = np.array([-np.inf, -2.5, 0.0, 1.0, np.inf])
    assert np.array_equal(rounded_down(exact), exact)
