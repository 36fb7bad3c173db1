"""Where an alert goes, and what speaks against it."""

from collections.abc import Sequence

import pytest

from alerts.matchers import Matcher
from alerts.telling import EXPLAINED_BY, Route, routed
from alerts.words import Cause

EVERY = ("page", "team", "mail")


def route(match: str, *channels: str, goes_on: bool = False) -> Route:
    matchers = tuple(Matcher.parse(text) for text in match.split())
    return Route(matchers=matchers, channels=channels, goes_on=goes_on)


@pytest.mark.parametrize(
    ("routes", "channels"),
    [
        ([], EVERY),
        ([route("a=1", "page")], ("page",)),
        ([route("a=2", "page")], EVERY),
        ([route("a=1", "page"), route("", "team")], ("page",)),
        ([route("a=1", "page", goes_on=True), route("", "team")], ("page", "team")),
        ([route("a=1", "page", goes_on=True), route("a=2", "team")], ("page",)),
        ([route("a=1 b=2", "page"), route("", "team")], ("team",)),
        ([route("", "page", goes_on=True), route("", "page", "mail")], ("page", "mail")),
        ([route("")], ()),
    ],
)
def test_the_first_route_that_matches_decides(
    routes: Sequence[Route], channels: tuple[str, ...]
) -> None:
    assert routed(routes, {"a": "1"}, EVERY) == channels


def test_no_cause_explains_itself_nor_what_explains_it() -> None:
    for cause, behind in EXPLAINED_BY.items():
        assert cause not in behind
        assert all(cause not in EXPLAINED_BY.get(other, ()) for other in behind)


def test_what_labels_say_and_what_somebody_set_a_limit_for_is_told_in_any_case() -> None:
    assert not {Cause.CONCEPT_DRIFT, Cause.THRESHOLD, Cause.FAIRNESS} & EXPLAINED_BY.keys()
