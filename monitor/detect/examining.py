"""Tests of the rows that windows sampled: apart from the deciding, which never waits for them.

A test of rows takes seconds, and somebody's saved detector as long as it is let. So when a window
closes, its profile waits in SQL, and this takes one at a time, the newest first, between two
short transactions. A crash leaves it waiting. What is said is a function of the profile, so it
does not matter who says it or how often; once it is said, the rows are forgotten.
"""

import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from threading import Event
from typing import Any

from sqlalchemy.exc import InterfaceError, OperationalError

from detectors.artifact import ArtifactError
from detectors.columns import Role, Rows
from detectors.profile import Profile
from detectors.reference import Reference
from detectors.report import Verdict
from detectors.report.sample import RowTest, SampleReport, SavedDetectorReport
from detectors.samples import Mixed, sample_tests
from monitor.adapters.alibi import AlibiError, DriftAnswer, OutlierAnswer, matrix, run
from monitor.adapters.allowed import Allowed
from monitor.detect import examinations
from monitor.detect.examinations import Waiting
from monitor.spec.samples import SavedDetector
from monitor.sql.database import Database
from monitor.sql.store import References, StoreError
from monitor.telemetry import metrics
from monitor.telemetry.instruments import Instruments

MOST_WAITING = 500
POLL_S = 1.0
"""Between looks for a window that waits."""

_logger = logging.getLogger(__name__)


class Examiner:
    """Tests the rows of waiting windows.

    allowed: the saved detectors that may be run.
    most_waiting: windows; of more, the oldest are given up, and their reports say so.
    """

    def __init__(
        self,
        database: Database,
        references: References,
        allowed: Allowed,
        instruments: Instruments,
        *,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._database = database
        self._references = references
        self._allowed = allowed
        self._most_waiting = most_waiting
        self._examined = instruments.counter(metrics.DETECT_EXAMINATIONS)

    def step(self) -> bool:
        """Tests the rows of the newest window that waits; False if none does."""
        with self._database.read() as connection:
            waiting = examinations.newest(connection)
        if waiting is None:
            return False
        said = self._examine(waiting)
        with self._database.write() as connection:
            examinations.write(connection, waiting, said)
            n_given_up = examinations.give_up(connection, most=self._most_waiting)
        self._examined.labels("failed" if said.reason else "done").inc()
        self._examined.labels("given_up").inc(n_given_up)
        return True

    def run(self, stopping: Event) -> None:
        """Steps until it is told to stop; what the database does not take is tried again."""
        while not stopping.is_set():
            try:
                is_done = not self.step()
            except (OperationalError, InterfaceError) as error:
                _logger.warning("the database did not answer, tried again: %s", error)
                is_done = True
            if is_done:
                stopping.wait(POLL_S)

    def _examine(self, waiting: Waiting) -> SampleReport:
        try:
            reference = self._references.get(waiting.reference_id)
            sample = Profile.from_bytes(waiting.profile, reference).sample
        except (ArtifactError, StoreError) as error:
            _logger.warning("%s: its rows cannot be tested: %s", waiting.report, error)
            return SampleReport(reason=f"its reference or profile cannot be read: {error}")
        rows = sample.rows(reference.declared)
        named = waiting.asked["sample_tests"]
        return SampleReport(
            tests=tests_of_rows(waiting.report, named, reference, rows),
            detectors=tuple(self._detectors(reference, rows, waiting.asked["saved_detectors"])),
            reason=None if rows.n else "no row of the window was sampled",
        )

    def _detectors(
        self, reference: Reference, rows: Rows, asked: Sequence[Mapping[str, Any]]
    ) -> Iterable[SavedDetectorReport]:
        for one in asked:
            saved = SavedDetector.model_validate(one)
            try:
                yield self._answer(reference, rows, saved)
            except AlibiError as error:
                yield SavedDetectorReport(name=saved.name, sha256=saved.sha256, reason=str(error))

    def _answer(
        self, reference: Reference, rows: Rows, saved: SavedDetector
    ) -> SavedDetectorReport:
        found = self._allowed.find(saved.sha256)
        columns = saved.columns or _numbers(reference)
        values = matrix(rows, columns)
        complete = values[(abs(values) < float("inf")).all(axis=1)]
        if len(complete) == 0:
            raise AlibiError("no sampled row has a number in each of its columns")
        answer = run(found, complete)
        told = SavedDetectorReport(
            name=saved.name, sha256=saved.sha256, detector=answer.detector, n_rows=len(complete)
        )
        return _told(told, answer)


def tests_of_rows(
    report: str, named: Sequence[str], reference: Reference, rows: Rows
) -> tuple[RowTest, ...]:
    """What the named tests say of the sampled rows of a window; the same of the same report, for
    what they draw follows from its id."""
    if not rows.n:
        return ()
    known = reference.sample.rows(reference.declared)
    seed = int.from_bytes(hashlib.sha256(report.encode()).digest()[:8])
    mixed = Mixed.of(reference.declared, known)
    return tuple(sample_tests(named, mixed, known, rows, seed=seed))


def _told(told: SavedDetectorReport, answer: DriftAnswer | OutlierAnswer) -> SavedDetectorReport:
    if isinstance(answer, OutlierAnswer):
        return replace(told, n_outliers=sum(answer.is_outlier))
    return replace(
        told,
        verdict=Verdict.DRIFT if answer.is_drift else Verdict.QUIET,
        p_value=min((p for p in answer.p_values if p is not None), default=None),
    )


def _numbers(reference: Reference) -> list[str]:
    fields = [column.field for column in reference.declared]
    return [f.name for f in fields if f.type.is_numeric and f.role is Role.FEATURE]
