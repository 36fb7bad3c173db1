"""A labelled reference of 30 windows and rows that resemble it, made once for all tests."""

import numpy as np
import pytest

from detectors.columns import Floats, Rows
from detectors.reference import Reference
from tests.detectors.makers import SCHEMA, traffic

HOUR_S = 3600.0


@pytest.fixture(scope="session")
def labelled() -> tuple[Rows, Floats]:
    return traffic(6_000, seed=1)


@pytest.fixture(scope="session")
def reference(labelled: tuple[Rows, Floats]) -> Reference:
    rows, labels = labelled
    return Reference.fit(
        rows,
        SCHEMA,
        times=np.arange(0.0, rows.n * 18.0, 18.0),  # 200 rows an hour
        window_lengths_s=(HOUR_S, 86_400.0 * 30),
        prediction="seats",
        label=labels,
    )


@pytest.fixture(scope="session")
def rows() -> Rows:
    return traffic(500, seed=2)[0]
