"""Data for the tests of this room: a small model's traffic, and Hypothesis strategies."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from detectors.columns import Coded, Column, ColumnType, Field, Floats, Role, Rows

SCHEMA = (
    Field("speed", ColumnType.FLOAT),
    Field("stops", ColumnType.INTEGER),
    Field("weather", ColumnType.CATEGORY),
    Field("event", ColumnType.BOOLEAN),
    Field("seats", ColumnType.FLOAT, Role.PREDICTION),
)
WEATHER = ("sun", "rain", "snow")


def traffic(n: int, seed: int, *, shift: float = 0.0) -> tuple[Rows, Floats]:
    """Rows of `SCHEMA` and their labels; the prediction errs more at high speed and in snow."""
    rng = np.random.default_rng(seed)
    speed = rng.normal(shift, 1.0, n)
    stops = rng.poisson(4.0, n).astype(np.float64)
    weather = rng.choice(3, n, p=(0.6, 0.3, 0.1)).astype(np.int32)
    seats = 10 + 3 * speed - stops
    labels = seats + rng.normal(0.0, 1.0, n) * (1 + 2 * (speed > 1) + 2 * (weather == 2))
    speed[rng.random(n) < 0.05] = np.nan
    columns: dict[str, Column] = {
        "speed": speed,
        "stops": stops,
        "weather": Coded(weather, WEATHER),
        "event": Coded((rng.random(n) < 0.1).astype(np.int32), ("false", "true")),
        "seats": seats,
    }
    return Rows(columns, n), labels


def numbers(max_size: int = 60) -> st.SearchStrategy[Floats]:
    """Any floats at all, and often a few that repeat."""
    anything = st.floats(allow_nan=True, allow_infinity=True, allow_subnormal=True)
    few = st.sampled_from([0.0, -0.0, 1.0, 2.0, np.nan, np.inf, -np.inf, 1e308, -1.7e308, 5e-324])
    sizes = st.integers(0, max_size)
    return sizes.flatmap(lambda n: arrays(np.float64, n, elements=anything | few))


def coded(max_size: int = 60) -> st.SearchStrategy[Coded]:
    levels = st.lists(st.text(max_size=3), unique=True, min_size=1, max_size=6)

    def values(names: list[str]) -> st.SearchStrategy[Coded]:
        codes = st.integers(-1, len(names) - 1)
        sizes = st.integers(0, max_size)
        return sizes.flatmap(
            lambda n: arrays(np.int32, n, elements=codes).map(lambda a: Coded(a, tuple(names)))
        )

    return levels.flatmap(values)


@st.composite
def extreme_rows(draw: st.DrawFn, *, absent: bool = True) -> Rows:
    """A few rows of `SCHEMA` with anything in them: of each column any values, whole numbers
    beyond 2^53, one value alone or none at all; levels in any script; columns that are not there.
    """
    n = draw(st.integers(0, 12))
    huge = st.integers(-(2**70), 2**70).map(float)
    columns: dict[str, Column] = {}
    for field in SCHEMA:
        if absent and draw(st.booleans()):
            continue
        if field.type.is_numeric:
            some = draw(numbers(12).filter(len) | arrays(np.float64, 3, elements=huge))
            columns[field.name] = np.resize(some, n)
        else:
            some_coded = draw(coded(12).filter(len))
            columns[field.name] = Coded(np.resize(some_coded.codes, n), some_coded.levels)
    return Rows(columns, n)
