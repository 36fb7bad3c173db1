import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.spec.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("250ms", 0.25),
        ("30s", 30.0),
        ("1.5h", 5400.0),
        ("1h30m", 5400.0),
        (" 90d ", 7_776_000.0),
        ("2w", 1_209_600.0),
        (15, 15.0),
        (0.5, 0.5),
    ],
)
def test_a_duration_is_read_as_seconds(text: object, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "5 m", "m", "-5m", "1h 30m", "soon", True, None, [5]])
def test_what_is_no_duration_is_refused_with_an_example(text: object) -> None:
    with pytest.raises(ValueError, match="such as 30s, 5m, 1h, 90d"):
        parse_duration(text)


@pytest.mark.parametrize(("seconds", "text"), [(86_400.0, "1d"), (5400, "1h30m"), (0, "0s")])
def test_a_duration_is_written_in_its_shortest_form(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@given(st.integers(min_value=0, max_value=10**12))
def test_what_is_written_reads_back_to_the_millisecond(milliseconds: int) -> None:
    written = format_duration(milliseconds / 1000)
    assert round(parse_duration(written) * 1000) == milliseconds
