"""Which series of windows a monitor has, and its reference's windows cut as they are. Pure.

Windows that overlap are as many series as there are of them at any time: those of one series follow
each other, so what holds for windows one after the other holds for each, and the series share the
budget of false alarms. A reference keeps its windows of the length of a step, and profiles add: so
whatever windows are made of whole steps can be made of the reference's too.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import reduce
from operator import add

from detectors.profile import Profile
from detectors.reference import Reference
from monitor.detect.clock import filled, window_of
from monitor.detect.state import Series
from monitor.spec.model import Monitor, Spec
from monitor.spec.windows import Window


def series_of(monitor: Monitor, reference_id: str) -> list[Series]:
    """All that a monitor has against one reference."""
    return [
        Series(monitor.name, reference_id, kind.length or 0.0, phase_s, kind.rows or 0)
        for kind in monitor.spec.windows
        for phase_s in kind.phases_s
    ]


def kind_of(series: Series, spec: Spec) -> Window:
    """What the document says of a series' windows."""
    return next(
        kind
        for kind in spec.windows
        if (kind.length or 0.0, kind.rows or 0) == (series.window_s, series.rows)
    )


def at_least_s(kind: Window) -> float:
    """Windows of a kind are so long, or longer: so many seconds of the budget each may use."""
    return kind.length or kind.step_s


def cut_alike(reference: Reference, kind: Window, phase_s: float) -> Reference:
    """The reference with its own windows cut as those of a series; it shares the reference's id,
    and is not to be stored."""
    if kind.rows is None and kind.every is None:
        return reference
    steps = {
        window_of(piece.first_time, kind.step_s): piece
        for piece in reference.windows.get(kind.step_s, ())
        if piece.first_time is not None
    }
    cut = _by_rows(steps, kind) if kind.rows else _by_length(steps, kind, phase_s)
    return replace(reference, windows={at_least_s(kind): tuple(cut)})


def _by_rows(steps: Mapping[float, Profile], kind: Window) -> Iterable[Profile]:
    assert kind.rows is not None
    n_rows = {start: piece.n for start, piece in steps.items()}
    for start, end in filled(n_rows, kind.rows, kind.step_s, since=None, until=math.inf):
        yield reduce(add, (piece for at, piece in sorted(steps.items()) if start <= at < end))


def _by_length(steps: Mapping[float, Profile], kind: Window, phase_s: float) -> Iterable[Profile]:
    """Those that reach beyond the reference, at its two ends, are left out."""
    assert kind.length is not None
    found: dict[float, list[Profile]] = {}
    for start, piece in sorted(steps.items()):
        found.setdefault(window_of(start, kind.length, phase_s), []).append(piece)
    first, end = min(steps, default=0.0), max(steps, default=0.0) + kind.step_s
    for start, pieces in found.items():
        if first <= start and start + kind.length <= end:
            yield reduce(add, pieces)
