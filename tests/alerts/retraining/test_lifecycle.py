"""News move a retrain forwards, once."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.retraining.lifecycle import IN_FLIGHT, OUTSTANDING, WATCHED, RetrainState, moves

S = RetrainState


def test_a_retrain_goes_from_requested_to_promoted() -> None:
    way = [S.REQUESTED, S.ACCEPTED, S.RUNNING, S.SUCCEEDED, S.PROMOTED]
    assert all(moves(one, following) for one, following in itertools.pairwise(way))


@pytest.mark.parametrize("news", list(S))
@pytest.mark.parametrize("end", [S.PROMOTED, S.REJECTED, S.DRY_RUN])
def test_nothing_follows_an_end(end: S, news: S) -> None:
    assert not moves(end, news)


def test_what_has_failed_may_be_mended_by_hand_and_run_no_more() -> None:
    assert [news for news in S if moves(S.FAILED, news)] == [S.PROMOTED]


def test_what_comes_late_changes_nothing() -> None:
    assert not moves(S.SUCCEEDED, S.RUNNING)
    assert not moves(S.RUNNING, S.ACCEPTED)


def test_an_answer_after_the_alarm_is_an_answer() -> None:
    assert moves(S.UNANSWERED, S.SUCCEEDED)
    assert S.UNANSWERED in WATCHED - OUTSTANDING


def test_approval_decides_whether_anybody_is_asked() -> None:
    assert moves(S.AWAITING_APPROVAL, S.REQUESTED)
    assert moves(S.AWAITING_APPROVAL, S.REJECTED)
    assert not moves(S.AWAITING_APPROVAL, S.RUNNING)


@given(st.lists(st.sampled_from(list(S)), max_size=30))
def test_whatever_comes_in_whatever_order_it_ends(news: list[S]) -> None:
    state, n_moves = S.AWAITING_APPROVAL, 0
    for one in news:
        if moves(state, one):
            state, n_moves = one, n_moves + 1
    assert n_moves <= len(S)
    assert state in IN_FLIGHT | {S.REJECTED, S.UNANSWERED, S.FAILED, S.SUCCEEDED, S.PROMOTED}
