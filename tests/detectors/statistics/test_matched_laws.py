from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from detectors.columns import Floats
from detectors.statistics.matched_laws import gamma_tail, nakagami_tail, shifted_gamma_tail

shapes = st.floats(0.5, 500.0)
AT = [0.5, 1.0, 2.0, 4.0]


@given(shapes)
def test_a_gamma_law_is_found_again_from_its_moments(shape: float) -> None:
    law = stats.gamma(shape, scale=3.0)
    x = law.mean() * np.array(AT)
    np.testing.assert_allclose(gamma_tail(x, mean=law.mean(), variance=law.var()), law.sf(x))


@given(shapes)
def test_nakagamis_law_is_found_again_from_its_moments(shape: float) -> None:
    law = stats.nakagami(shape, scale=3.0)
    x = law.mean() * np.array(AT)
    found = nakagami_tail(x, mean=law.mean(), variance=law.var())
    np.testing.assert_allclose(found, law.sf(x), rtol=1e-4, atol=1e-12)


@given(shapes, st.floats(-5.0, 5.0))
def test_a_shifted_gamma_law_is_found_again_from_three_moments(shape: float, shift: float) -> None:
    law = stats.gamma(shape, loc=shift, scale=3.0)
    x = shift + 3.0 * shape * np.array(AT)
    third = float(law.stats("s")) * law.std() ** 3
    found = shifted_gamma_tail(x, mean=law.mean(), variance=law.var(), third=third)
    np.testing.assert_allclose(found, law.sf(x), rtol=1e-8)


def test_the_half_normal_law_is_one_of_nakagamis() -> None:
    law = stats.halfnorm()
    found = nakagami_tail([1.96, 2.576], mean=law.mean(), variance=law.var())
    np.testing.assert_allclose(found, [0.05, 0.01], rtol=1e-3)


@pytest.mark.parametrize("tail", [gamma_tail, nakagami_tail])
def test_no_variance_is_nothing_to_compare_and_nan_stays_nan(
    tail: Callable[..., Floats],
) -> None:
    found = tail(
        [0.0, 1.0, np.nan, 1.0], mean=[0.0, 1.0, 1.0, np.nan], variance=[0.0, 0.0, 1.0, 1.0]
    )
    np.testing.assert_array_equal(found, [1.0, 1.0, np.nan, np.nan])
