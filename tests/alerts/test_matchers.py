"""Matchers over labels, beside Alertmanager's own examples."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.matchers import MAX_LENGTH, Matcher, MatcherError, all_match

LABELS = {"team": "seats", "severity": "critical"}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("team=seats", True),
        ('team="seats"', True),
        (' team = "seats" ', True),
        ("team!=seats", False),
        ("team=~seats|trams", True),
        ("team=~sea", False),
        ("team=~sea.*", True),
        ("team!~trams", True),
        ("region=", True),
        ("region!=north", True),
        ("region=~.+", False),
        ('severity=~"warning|critical"', True),
    ],
)
def test_a_matcher_is_of_the_whole_value_and_an_absent_label_is_empty(
    text: str, matches: bool
) -> None:
    assert Matcher.parse(text).matches(LABELS) is matches


@pytest.mark.parametrize(
    "text",
    ["", "team", "=seats", "team=~x(", "team=~[", 'team="a" more', "9=1", "x" * MAX_LENGTH + "=1"],
)
def test_what_is_no_matcher_is_refused(text: str) -> None:
    with pytest.raises(MatcherError):
        Matcher.parse(text)


def test_all_must_match_and_none_asks_nothing() -> None:
    both = [Matcher.parse("team=seats"), Matcher.parse("severity=warning")]
    assert not all_match(both, LABELS)
    assert all_match([], LABELS)


@given(st.text(max_size=50), st.sampled_from(["=", "!="]))
def test_a_matcher_is_read_as_it_is_written(value: str, operator: str) -> None:
    matcher = Matcher("team", operator, value)  # type: ignore[arg-type]  # sampled from them
    assert Matcher.parse(str(matcher)) == matcher
