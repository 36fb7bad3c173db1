import numpy as np
import pytest

from detectors.backend import Backend
from detectors.samples.mmd import mmd
from detectors.samples.on_device import mmd_on
from tests.support.backends import BACKENDS, NotTested, backend_named


@pytest.fixture(scope="module", params=BACKENDS)
def backend(request: pytest.FixtureRequest, not_tested: NotTested) -> Backend:
    return backend_named(request.param, not_tested)


@pytest.mark.parametrize("shift", [0.0, 0.1])
def test_a_device_says_what_is_said_without_one(backend: Backend, shift: float) -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(300, 20)), rng.normal(shift, 1.0, (200, 20))
    expected = mmd(x, y, rng=np.random.default_rng(0))
    found = mmd_on(backend, x, y, rng=np.random.default_rng(0))
    assert found.statistic == pytest.approx(expected.statistic, abs=1e-5)
    assert found.p_value == pytest.approx(expected.p_value, abs=0.011)


def test_too_few_rows_are_undecided(backend: Backend) -> None:
    found = mmd_on(backend, np.ones((1, 2)), np.ones((5, 2)), rng=np.random.default_rng(0))
    assert np.isnan(found.p_value)


def test_equal_constants_are_no_different(backend: Backend) -> None:
    found = mmd_on(backend, np.ones((9, 2)), np.ones((5, 2)), rng=np.random.default_rng(0))
    assert found.p_value == 1.0
