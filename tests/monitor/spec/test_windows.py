import pytest
from pydantic import ValidationError

from monitor.spec.windows import MOST_PHASES
from tests.support.counted import monitor

DAY = 86_400.0
HOUR = 3600.0


def test_a_length_alone_is_text_and_comes_back_as_text() -> None:
    one = monitor(windows=["1d", 3600, {"length": "1h30m"}][:2])
    assert [window.length for window in one.spec.windows] == [DAY, HOUR]
    assert one.to_json()["spec"]["windows"] == ["1d", "1h"]  # type: ignore[index]


def test_windows_may_overlap_or_be_by_rows() -> None:
    given = [{"length": "1d", "every": "6h"}, {"rows": 1000, "every": "12h"}]
    one = monitor(windows=given)
    assert one.to_json()["spec"]["windows"] == given  # type: ignore[index]
    assert type(one).model_validate(one.to_json()) == one
    phases = [window.phases_s for window in one.spec.windows]
    assert phases == [(0, 6 * HOUR, 12 * HOUR, 18 * HOUR), (0,)]
    assert [str(window) for window in one.spec.windows] == ["1d every 6h", "1000 rows every 12h"]
    assert one.pane_s == 6 * HOUR


def test_windows_by_rows_are_looked_at_every_day_unless_they_say_so() -> None:
    assert monitor(windows=[{"rows": 500}]).pane_s == DAY


@pytest.mark.parametrize(
    ("windows", "reason"),
    [
        ([{"length": "1d", "rows": 500}], "not both"),
        ([{"every": "1h"}], "give either length or rows"),
        ([{"length": "1d", "every": "7h"}], "whole multiple of every"),
        ([{"length": f"{MOST_PHASES + 1}m", "every": "1m"}], "would overlap"),
        (["1d", {"length": "1d", "every": "1h"}], "different lengths"),
        ([{"rows": 500}, {"rows": 600}], "only one may be by rows"),
        (["1h", {"length": "3h", "every": "90m"}], "multiple of the shortest"),
        ([{"rows": 50}], "greater than or equal to 100"),
        ([True], "is not a duration"),
    ],
)
def test_what_makes_no_sense_is_refused(windows: list[object], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        monitor(windows=windows)
