"""What becomes of a retrain: the states it goes through, and which news moves it."""

from enum import StrEnum


class RetrainState(StrEnum):
    DRY_RUN = "dry_run"
    """It would have been asked for."""
    AWAITING_APPROVAL = "awaiting_approval"
    REJECTED = "rejected"
    REQUESTED = "requested"
    ACCEPTED = "accepted"
    """Who was asked has said yes, and no more."""
    RUNNING = "running"
    UNANSWERED = "unanswered"
    """Nobody has said in time what became of it."""
    FAILED = "failed"
    SUCCEEDED = "succeeded"
    PROMOTED = "promoted"
    """The new model predicts."""


_S = RetrainState
_FORWARD = {
    _S.AWAITING_APPROVAL: {_S.REQUESTED, _S.REJECTED},
    _S.REQUESTED: {_S.ACCEPTED, _S.RUNNING, _S.UNANSWERED, _S.FAILED, _S.SUCCEEDED, _S.PROMOTED},
    _S.ACCEPTED: {_S.RUNNING, _S.UNANSWERED, _S.FAILED, _S.SUCCEEDED, _S.PROMOTED},
    _S.RUNNING: {_S.UNANSWERED, _S.FAILED, _S.SUCCEEDED, _S.PROMOTED},
    _S.UNANSWERED: {_S.RUNNING, _S.FAILED, _S.SUCCEEDED, _S.PROMOTED},
    # A model may be trained well and yet not pass what stands before promotion.
    _S.SUCCEEDED: {_S.FAILED, _S.PROMOTED},
    # Somebody has mended it by hand.
    _S.FAILED: {_S.PROMOTED},
}

IN_FLIGHT = frozenset({_S.AWAITING_APPROVAL, _S.REQUESTED, _S.ACCEPTED, _S.RUNNING})
"""While a monitor has one of these, no other retrain is asked for."""

OUTSTANDING = frozenset({_S.REQUESTED, _S.ACCEPTED, _S.RUNNING})
"""Somebody owes us an answer."""

WATCHED = OUTSTANDING | {_S.UNANSWERED}
"""An answer that comes late is an answer."""


def moves(state: RetrainState, news: RetrainState) -> bool:
    """Whether the news changes the state. What is late or repeated does not."""
    return news in _FORWARD.get(state, ())
