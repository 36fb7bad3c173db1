"""The windows whose sampled rows wait to be tested, and what was said of them, in SQL."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, select, update

from detectors.profile import Profile
from detectors.report.sample import SampleReport
from monitor.spec.detection import Detection
from monitor.sql import tables
from monitor.sql.database import upsert


@dataclass(frozen=True, slots=True)
class Waiting:
    """asked: the part of the monitor's document about tests of rows. profile: its bytes."""

    report: str
    reference_id: str
    asked: Mapping[str, Any]
    n_rows: int
    profile: bytes


def wait_for_tests(
    connection: Connection,
    detection: Detection,
    *,
    report: str,
    monitor: str,
    profile: Profile,
    now: float,
) -> None:
    """Lets a window's profile wait, if its rows are to be tested and have not been as they are."""
    if not detection.needs_rows:
        return
    t = tables.examinations
    if connection.scalar(select(t.c.n_rows).where(t.c.report == report)) == profile.n:
        return  # labels came, or nothing but what had been counted
    asked = detection.model_dump(mode="json", include={"sample_tests", "saved_detectors"})
    row = {
        "report": report,
        "monitor": monitor,
        "reference_id": profile.reference_id,
        "asked": asked,
        "n_rows": profile.n,
        "is_waiting": True,
        "profile": profile.to_bytes(),
        "queued_at": now,
    }
    upsert(connection, t, [row])


def newest(connection: Connection) -> Waiting | None:
    """The window that began to wait last."""
    t = tables.examinations
    columns = (t.c.report, t.c.reference_id, t.c.asked, t.c.n_rows, t.c.profile)
    query = select(*columns).where(t.c.is_waiting).order_by(t.c.queued_at.desc(), t.c.report)
    row = connection.execute(query.limit(1)).first()
    return None if row is None else Waiting(*row)


def write(connection: Connection, waiting: Waiting, said: SampleReport) -> None:
    """A window that has grown while its rows were tested goes on waiting."""
    t = tables.examinations
    same = (t.c.report == waiting.report) & (t.c.n_rows == waiting.n_rows)
    done = {"said": asdict(said), "is_waiting": False, "profile": None}
    connection.execute(update(t).where(same).values(done))


def give_up(connection: Connection, *, most: int) -> int:
    """Lets at most so many windows wait on, the newest; returns how many do no more."""
    t = tables.examinations
    waiting = select(t.c.report).where(t.c.is_waiting).order_by(t.c.queued_at.desc(), t.c.report)
    oldest = list(connection.scalars(waiting.offset(most)))
    if oldest:
        reason = f"more than {most} windows were waiting for their rows to be tested"
        said = {"said": asdict(SampleReport(reason=reason))}
        gone = update(t).where(t.c.report.in_(oldest))
        connection.execute(gone.values(said | {"is_waiting": False, "profile": None}))
    return len(oldest)
