import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from detectors.decision.fdr import benjamini_hochberg, e_benjamini_hochberg

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=30)
e_values = st.lists(st.floats(0, 1e6), max_size=30)


@given(p_values)
def test_adjusted_p_values_are_scipys(p: list[float]) -> None:
    np.testing.assert_allclose(benjamini_hochberg(p), false_discovery_control(p), rtol=1e-12)


@given(p_values)
def test_a_test_that_was_not_made_changes_nothing(p: list[float]) -> None:
    adjusted = benjamini_hochberg([np.nan, *p, np.nan])
    assert np.isnan(adjusted[[0, -1]]).all()
    np.testing.assert_array_equal(adjusted[1:-1], benjamini_hochberg(p))


@given(e_values, st.sampled_from([0.01, 0.1, 0.5]))
def test_e_benjamini_hochberg_is_its_definition(e: list[float], rate: float) -> None:
    ranked = sorted(e, reverse=True)
    passing = [k for k, value in enumerate(ranked, 1) if value * k >= len(e) / rate]
    found = e_benjamini_hochberg(e, rate=rate)
    if not passing:
        assert not found.any()
    else:
        np.testing.assert_array_equal(found, [value >= ranked[passing[-1] - 1] for value in e])


def test_e_values_that_were_not_made_are_never_discoveries() -> None:
    np.testing.assert_array_equal(
        e_benjamini_hochberg([np.nan, 1e9, 0.1], rate=0.1), [False, True, False]
    )
