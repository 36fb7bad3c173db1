import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from detectors.bins.placing import N_KEYS, Ruler, Singles, largest_double, rulers_of
from detectors.columns import Floats

SINGLES = st.floats(width=32, allow_nan=False, allow_infinity=False)
MARKS = {
    "even": np.linspace(0.0, 1.0, 257),
    "logarithmic": np.geomspace(1e-3, 1e6, 257),
    "from the right": -np.geomspace(1e-3, 1e6, 257)[::-1],
    "years": np.arange(1990.0, 2027.0),
    "one": np.array([3.3]),
    "two": np.array([-1.0, 1.0]),
}


def ruler_of(marks: Floats) -> Ruler:
    return next(rulers_of(marks))


@pytest.mark.parametrize("marks", MARKS.values(), ids=MARKS)
def test_marks_are_told_apart_and_lie_inside(marks: Floats) -> None:
    ruler = ruler_of(marks)
    keys = ruler.keys(marks.astype(np.float32))
    assert (np.diff(keys) > 0).all()
    assert keys[0] >= 1
    assert keys[-1] <= ruler.n_keys - 2
    # As many keys as the last octave needs may come on top of those that were aimed for.
    assert ruler.n_keys <= N_KEYS[0]


@pytest.mark.parametrize("marks", MARKS.values(), ids=MARKS)
@given(values=arrays(np.float32, 20, elements=st.floats(width=32, allow_nan=False)))
def test_keys_never_decrease(marks: Floats, values: Singles) -> None:
    ruler = ruler_of(marks)
    keys = ruler.keys(np.sort(values))
    assert (np.diff(keys) >= 0).all()
    assert ((keys >= 0) & (keys < ruler.n_keys)).all()


@pytest.mark.parametrize("marks", MARKS.values(), ids=MARKS)
def test_last_values_are_the_largest_of_their_keys(marks: Floats) -> None:
    ruler = ruler_of(marks)
    keys = np.unique(ruler.keys(marks.astype(np.float32)))
    last = ruler.last_values(keys)
    assert (ruler.keys(last) <= keys).all()
    assert (ruler.keys(np.nextafter(last, np.float32(np.inf))) > keys).all()


@given(SINGLES)
def test_the_largest_double_is_the_last_that_rounds_down(single: float) -> None:
    assume(abs(single) < 3e38)
    double = largest_double(np.array([single], np.float32))
    assert np.float32(double[0]) <= single
    assert np.float32(np.nextafter(double[0], np.inf)) > single


@pytest.mark.parametrize(
    "marks",
    [1e9 + np.arange(257) / 1e3, np.append(-(10.0 ** np.arange(30)), 10.0 ** np.arange(30))],
    ids=["narrow", "both ways"],
)
def test_marks_that_float32_cannot_tell_apart_have_no_ruler(marks: Floats) -> None:
    assert list(rulers_of(np.sort(marks))) == []


@pytest.mark.parametrize(
    "change",
    [
        {"slope": 0.0},
        {"slope": float("inf")},
        {"intercept": None},
        {"shift": 0},
        {"shift": 31},
        {"origin": -1},
        {"n_keys": 2},
        {"n_keys": 2**30},
    ],
)
def test_numbers_that_are_no_rulers_are_refused(change: dict[str, object]) -> None:
    sound = {"slope": 1.0, "intercept": 1.0, "shift": 12, "origin": 100, "n_keys": 50}
    assert Ruler.read(sound).n_keys == 50
    with pytest.raises((ValueError, TypeError)):
        Ruler.read(sound | change)
