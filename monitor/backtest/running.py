"""A backtest from its files to its findings."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from tempfile import TemporaryDirectory

import numpy as np
from rich.progress import Progress

from detectors.bins import NumericColumn
from detectors.reference import Reference
from monitor.apply.resolving import fit_file
from monitor.backtest.counting import Panes, count_panes, fit_first
from monitor.backtest.findings import Findings, SeriesFindings
from monitor.backtest.injection import Injection, inject
from monitor.backtest.judged import Judged, judged, outcomes, windows_of
from monitor.backtest.reading import Read, reads
from monitor.detect.cutting import kind_of, series_of
from monitor.detect.judging import Judge
from monitor.files import FileError
from monitor.kafka.messages import Registration
from monitor.spec.detection import Budget
from monitor.spec.model import Monitor
from monitor.sql.store import ArtifactStore, References


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a monitor would have said of the rows in files.

    time: the column that tells when a row happened. budgets: to compare the monitor's own with.
    seed: of which rows drift is put into. hash_key: of columns that leave hashed.
    """

    monitor: Monitor
    paths: Sequence[str]
    time: str | None
    injections: Sequence[Injection]
    budgets: Sequence[Budget]
    seed: int
    hash_key: bytes | None

    @property
    def since(self) -> float | None:
        """When the first injected drift begins."""
        return min((one.start for one in self.injections), default=None)


@dataclass(slots=True)
class _Counted:
    """What was counted of the files. spans: first and last times of each."""

    panes: Panes = field(default_factory=Panes)
    n_rows: int = 0
    spans: list[float] = field(default_factory=list)
    unreadable: Counter[str] = field(default_factory=Counter)


def answer(question: Question, progress: Progress) -> Findings:
    """Reads the files one by one, then judges their windows.

    Raises FileError or ReferenceError for what cannot be used.
    """
    reference, n_taken = _reference(question)
    counted = _count(question, reference, n_taken, progress)
    if not counted.spans:
        raise FileError("the reference takes all rows: none are left to be judged")
    return Findings(
        monitor=question.monitor,
        n_reference=reference.profile.n,
        n_rows=counted.n_rows,
        first=min(counted.spans),
        last=max(counted.spans),
        unreadable=counted.unreadable,
        injected=[one.text for one in question.injections],
        since=question.since,
        series=list(_series(question, reference, counted.panes, progress)),
    )


def _reference(question: Question) -> tuple[Reference, int]:
    """With the number of rows that it takes from the beginning of the files."""
    spec, hash_key = question.monitor.spec, question.hash_key
    if spec.reference.trailing is not None:
        raise FileError(
            "the reference is of predictions that Kafka has: for a backtest, name a file in "
            "spec.reference"
        )
    if spec.reference.first is None:
        return fit_file(spec, hash_key=hash_key), 0
    found = reads(question.paths, time=question.time, registration=None)
    return fit_first(found, spec, hash_key=hash_key), spec.reference.first


def _count(question: Question, reference: Reference, n_taken: int, progress: Progress) -> _Counted:
    """Of the files' rows but for the first `n_taken`, which are the reference's."""
    monitor, counted = question.monitor, _Counted()
    known = _registration(monitor, reference)
    sds = {c.field.name: c.scale for c in reference.columns if isinstance(c, NumericColumn)}
    rng = np.random.default_rng(question.seed)
    files = reads(question.paths, time=question.time, registration=known)
    for whole in progress.track(files, total=len(question.paths), description="counting"):
        found = Read(whole.table.slice(n_taken), whole.times[n_taken:], whole.unreadable)
        n_taken = max(0, n_taken - len(whole.times))
        counted.unreadable.update(found.unreadable)
        if not len(found.times):
            continue
        changed = found.table
        for injection in question.injections:
            changed = inject(changed, found.times, injection, sds=sds, rng=rng)
        drifted = Read(changed, found.times)
        count_panes(counted.panes, drifted, monitor, reference, hash_key=question.hash_key)
        counted.n_rows += len(found.times)
        counted.spans += [float(found.times.min()), float(found.times.max())]
    return counted


def _series(
    question: Question, reference: Reference, panes: Panes, progress: Progress
) -> Iterator[SeriesFindings]:
    spec = question.monitor.spec
    own = spec.detection.false_alarms
    budgets = [own, *(other for other in question.budgets if other != own)]
    with TemporaryDirectory(prefix="driftmeter-") as folder:
        store = ArtifactStore(folder)
        every = series_of(question.monitor, store.put(reference.to_bytes()))
        judge = Judge(References(store))
        for kind in spec.windows:
            done: list[Judged] = []
            for series in (one for one in every if kind_of(one, spec) == kind):
                over = windows_of(judge, series, spec, panes)
                windows = judged(judge, series, spec, budgets, panes, over)
                done += progress.track(windows, total=len(over), description="judging")
            done.sort(key=lambda one: one.written.end)
            results = outcomes(done, budgets, spec, since=question.since)
            yield SeriesFindings(kind=kind, windows=done, outcomes=results)


def _registration(monitor: Monitor, reference: Reference) -> Registration:
    return Registration(
        monitor=monitor,
        revision=1,
        state="active",
        reference_id=reference.id,
        schema=reference.schema,
    )
