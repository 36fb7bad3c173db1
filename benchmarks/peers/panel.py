"""Every tool before the same windows: ours, and the peers in environments of their own."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from benchmarks.peers.ask import PEERS, ask
from benchmarks.peers.exchange import Question, p_strength
from benchmarks.rules import REFERENCE_DAYS, YEARLY
from benchmarks.streams import DAY_S, joined
from benchmarks.wide_streams import Shift, WideWorld
from detectors.columns import Coded, Floats, Rows
from detectors.decision import Decision, Detector
from detectors.profile import count
from detectors.reference import Reference
from detectors.report import Verdict

OURS = "driftmeter"
TOOLS = (OURS, *PEERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A reference's days, and successive days to be judged, of one kind or several.

    start: the first judged day's number in the calendar, for each of them.
    """

    world: WideWorld
    reference: Sequence[Rows]
    days: Sequence[Rows]
    calendar: Sequence[int]


def course(world: WideWorld, seed: int, lengths: Mapping[Shift, int]) -> Course:
    """Days of each shift one after the other; each kind continues the reference's calendar."""
    rng = np.random.default_rng(seed)
    reference = list(islice(world.days(rng), REFERENCE_DAYS))
    days, calendar = list[Rows](), list[int]()
    for shift, n in lengths.items():
        days += islice(world.days(rng, shift=shift, first=REFERENCE_DAYS), n)
        calendar += range(REFERENCE_DAYS, REFERENCE_DAYS + n)
    return Course(world=world, reference=reference, days=days, calendar=calendar)


def strengths(tool: str, of: Course) -> dict[str, Floats]:
    """By rule of the tool, (days,): how strongly each day drifted by itself, 1 being an alarm.

    Ours is judged by the p-value of single windows, at the half of the budget that is theirs.
    """
    if tool != OURS:
        answers = ask(tool, _question(of))
        return {f"{tool}: {name}": each.max(axis=1) for name, each in answers.items()}
    alone = [decision.p_value for decision in _decisions(of, remember=False)]
    if None in alone:
        raise ValueError("a window of the simulation is undecided")
    half = YEARLY.per_window(DAY_S) / 2
    return {f"{OURS}: single windows": p_strength(np.array(alone, dtype=np.float64), half)}


def alarms(tool: str, of: Course) -> dict[str, Floats]:
    """By rule of the tool as it is used by default, (days,): 1 where successive days alarm."""
    if tool == OURS:
        drifts = [d.verdict is Verdict.DRIFT for d in _decisions(of, remember=True)]
        return {OURS: np.array(drifts, dtype=np.float64)}
    return {name: (each >= 1).astype(np.float64) for name, each in strengths(tool, of).items()}


def _decisions(of: Course, *, remember: bool) -> Iterator[Decision]:
    sizes = [rows.n for rows in of.reference]
    times: Floats = np.repeat(np.arange(len(sizes)) * DAY_S, sizes)
    reference = Reference.fit(
        joined(list(of.reference)),
        of.world.schema,
        times=times,
        window_lengths_s=[DAY_S],
        seed=1,
    )
    detector = Detector(reference, window_s=DAY_S, budget=YEARLY)
    evidence = start = detector.start()
    for rows, day in zip(of.days, of.calendar, strict=True):
        profile = count(rows, reference, times=np.full(rows.n, day * DAY_S))
        evidence, decision = detector.step(evidence if remember else start, profile)
        yield decision


def _question(of: Course) -> Question:
    reference = [_matrices(rows) for rows in of.reference]
    days = [_matrices(rows) for rows in of.days]
    return Question(
        reference_numbers=np.concatenate([numbers for numbers, _ in reference]),
        reference_codes=np.concatenate([codes for _, codes in reference]),
        numbers=np.stack([numbers for numbers, _ in days]),
        codes=np.stack([codes for _, codes in days]),
    )


def _matrices(rows: Rows) -> tuple[Floats, Floats]:
    """(rows, numbers) and (rows, categories), in columns' order."""
    columns = rows.columns.values()
    codes = [column.codes for column in columns if isinstance(column, Coded)]
    numbers = [column for column in columns if not isinstance(column, Coded)]
    return np.stack(numbers, axis=1), np.stack(codes, axis=1)
