"""A replay from what was reported to what differs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from alerts.notification import rfc3339
from monitor.kafka.messages import Topics
from monitor.kafka.records import Partition
from monitor.replay.beside import Beside
from monitor.replay.differences import Difference, differences
from monitor.replay.judging import Replay, by_what_they_share
from monitor.replay.log import Log, LogGoneError
from monitor.replay.recounting import Recounted, recount
from monitor.replay.reported import Reported
from monitor.replay.rereading import reread
from monitor.sql.store import ArtifactStore, References

Source = Literal["rows", "profiles"]


@dataclass(frozen=True, slots=True)
class Replayed:
    """One window. source: what of the log it was made of again. left_out: what of its report could
    not be."""

    window: Reported
    source: Source
    body: Mapping[str, Any]
    differences: Sequence[Difference]
    left_out: Sequence[str] = ()


def replay(
    log: Log, topics: Topics, store: ArtifactStore, windows: Sequence[Reported], kept: Beside
) -> list[Replayed]:
    """Every window made again, in the order in which they ended; nothing is written anywhere.

    kept: what SQL has of them beside their reports.

    Rows are counted again; where they are no longer in the log, the profiles that were made of
    them are taken. Raises LogGoneError where these are not there either.
    """
    counted: dict[str, tuple[Source, Recounted]] = {}
    counting = References(store, for_counting=True)
    for group in by_what_they_share(windows):
        source, found = _recounted(log, topics, counting, group)
        for window, one in zip(group, found, strict=True):
            counted[window.body["id"]] = (source, one)
    again = Replay(References(store), kept)
    return [_replayed(again, window, kept, *counted[window.body["id"]]) for window in windows]


def _recounted(
    log: Log, topics: Topics, references: References, windows: Sequence[Reported]
) -> tuple[Source, Sequence[Recounted]]:
    try:
        return "rows", recount(log, topics, references, windows)
    except LogGoneError as gone:
        try:
            return "profiles", reread(log, topics, windows)
        except LogGoneError as error:
            raise LogGoneError(f"{gone}; {error}. {_reaches_back(log, windows)}") from error


def _reaches_back(log: Log, windows: Sequence[Reported]) -> str:
    """From when on the log has all rows of the windows."""
    places = {Partition(one.topic, one.partition) for w in windows for one in w.made_of}
    beginnings = log.beginnings(sorted(places))
    lacking = [
        window.end
        for window in windows
        if any(
            one.first < beginnings[Partition(one.topic, one.partition)] for one in window.made_of
        )
    ]
    since = max(lacking, default=0.0)
    if not any(window.start >= since for window in windows):
        return "Of none of these windows the log has all rows"
    return f"From {rfc3339(since)} on the log has all rows"


def _replayed(
    again: Replay, window: Reported, kept: Beside, source: Source, counted: Recounted
) -> Replayed:
    made = again.remade(window, counted)
    tested = kept.tested.get(window.body["id"])
    reported = {**window.body, **({"tests": tested.said} if tested else {})}
    found = differences(reported, made.body, left_out=made.left_out)
    return Replayed(window, source, made.body, found, made.left_out)
