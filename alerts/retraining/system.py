"""What a system is, as far as it can be asked to retrain: its calls, and how to read answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from alerts.retraining import credentials
from alerts.retraining.calls import Call, Facts, Json, pointed
from alerts.retraining.credentials import Credential
from alerts.retraining.lifecycle import RetrainState


class Repeat(StrEnum):
    """What makes a second start have the effect of one."""

    KEY = "the system's own idempotency key"
    CONFLICT = "its name is taken: 409"
    LOOK = "it is looked for first"
    RECEIVER = "who receives it knows its id"


Reader = Callable[[Json, Facts], Json]
"""Finds the system's word for the state of our run in an answer; None if it is not there."""
Fault = Callable[[Json], str | None]
"""What is wrong with an answer that says 200; None if nothing is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """One kind of system that can be asked.

    find: asks what became of it; needs: a setting without which it cannot be asked.
    words: the system's words for a run's state, and what they mean to us.
    """

    start: Call
    repeat: Repeat
    credential: Credential = credentials.bearer
    find: Call | None = None
    needs: str | None = None
    read: Reader | None = None
    words: Mapping[str, RetrainState] | None = None
    fault: Fault | None = None


def at(pointer: str) -> Reader:
    return lambda answer, _facts: pointed(answer, pointer)


def among(items: str, key: str, fact: str, state: str) -> Reader:
    """The state of the item whose key is a fact."""

    def read(answer: Json, facts: Facts) -> Json:
        for item in pointed(answer, items) or ():
            if pointed(item, key) == facts[fact]:
                return pointed(item, state)
        return None

    return read


def words(*, running: str, succeeded: str, failed: str) -> dict[str, RetrainState]:
    return (
        dict.fromkeys(running.split(), RetrainState.RUNNING)
        | dict.fromkeys(succeeded.split(), RetrainState.SUCCEEDED)
        | dict.fromkeys(failed.split(), RetrainState.FAILED)
    )
