"""What a drifting window looks like: broken data, other inputs, other outputs, another world."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from detectors.bins import FIRST_BIN, MISSING, NEG_INF, POS_INF, UNSEEN, CategoryColumn
from detectors.columns import Counts, Floats, Role
from detectors.decision import Decision
from detectors.profile import Profile
from detectors.reference import Reference
from detectors.report import Correlation, Explanation, Movement, Performance, Shift
from detectors.statistics import kolmogorov_smirnov, total_variation

FEWEST_PILED_UP = 0.02
"""A smaller share of rows at one value is no pile: chance may put as many into one bin."""

LARGEST_CONTINUOUS_SHARE = 1 / 32
"""Of the rows in one bin: quantiles hold an eighth of that, and a value that repeats more."""

LEAST_LEVEL_CHANGE = 0.01
N_LEVELS_NAMED = 5
N_NAMED = 5

SMALLER_IS_BETTER = frozenset({"mae", "rmse", "log_loss", "brier"})


@dataclass(frozen=True, slots=True)
class _Moved:
    """A column that moved. is_broken: most of its movement is defects, or one value's pile."""

    role: Role
    movement: Movement
    is_broken: bool


def explain(
    reference: Reference,
    profile: Profile,
    decision: Decision,
    *,
    expected: Performance | None = None,
    realised: Performance | None = None,
    importance: Mapping[str, float] | None = None,
) -> Explanation:
    """What a window that drifts, or whose model has become worse, looks like.

    importance: of columns to the model, not negative, in any unit; a column without one has 0, and
        a derived column that of what it is derived of.
    Raises ValueError for an importance that is negative or not finite.

    Kinds are tried in the order in which they cause one another: broken data move everything
    behind them; errors that grew more than the rows let expect point at the world; inputs that
    moved move outputs; outputs that moved alone point at the model or its deployment.
    """
    moved = _moved(reference, profile, decision, _checked(importance))
    shift, because = _kind(moved, decision, expected, realised)
    movements = sorted((one.movement for one in moved), key=lambda m: (-m.weight, m.name))
    return Explanation(
        shift=shift,
        because=because,
        movements=tuple(movements),
        correlations=tuple(
            Correlation(first=p.first, second=p.second, reference=p.reference, current=p.current)
            for p in decision.pairs
        ),
        together=decision.together,
    )


def _checked(importance: Mapping[str, float] | None) -> Mapping[str, float] | None:
    for name, weight in (importance or {}).items():
        if not 0 <= weight < np.inf:
            raise ValueError(f"importance of column {name!r} is {weight}")
    return importance if importance and any(importance.values()) else None


def _moved(
    reference: Reference,
    profile: Profile,
    decision: Decision,
    importance: Mapping[str, float] | None,
) -> list[_Moved]:
    """The columns named as moved; without one the strongest alone."""
    shares = {name: column.evidence_share for name, column in decision.columns.items()}
    named = [name for name, column in decision.columns.items() if column.named]
    names = named or sorted(shares, key=lambda name: (-shares[name], name))[:1]
    weights = {n: shares[n] * _weight(reference.derivations.source(n), importance) for n in names}
    total = sum(weights.values()) or 1.0
    return [
        _movement(reference, profile, name, share=shares[name], weight=weights[name] / total)
        for name in names
    ]


def _weight(name: str, importance: Mapping[str, float] | None) -> float:
    return 1.0 if importance is None else importance.get(name, 0.0)


def _movement(
    reference: Reference, profile: Profile, name: str, *, share: float, weight: float
) -> _Moved:
    index = reference.index(name)
    column = reference.columns[index]
    before = reference.part(reference.profile.counts, index)
    now = reference.part(profile.counts, index)
    change = _shares(now) - _shares(before)
    gained: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    if isinstance(column, CategoryColumn):
        defects, piled_up = float(change[MISSING] + change[UNSEEN]), 0.0
        gained, lost = _levels(column, change)
        # What the unseen took is a defect, and no movement of the levels.
        rest = total_variation(column.ordered(before), column.ordered(now)) - abs(change[UNSEEN])
    else:
        defects = float(change[[MISSING, NEG_INF, POS_INF]].sum())
        piled_up = _piled_up(_shares(before)[FIRST_BIN:], change[FIRST_BIN:])
        rest = kolmogorov_smirnov(column.ordered(before), column.ordered(now))
    movement = Movement(
        name=name,
        share=share,
        weight=weight,
        defects=defects,
        piled_up=piled_up,
        gained=gained,
        lost=lost,
    )
    # A pile of p moves the cumulative distribution by p where it stands: two thirds of the
    # movement leave room for chance. A column without any value has no distribution at all.
    broken = abs(defects) > float(np.nan_to_num(rest)) or piled_up > 2 / 3 * float(rest)
    return _Moved(column.field.role, movement, is_broken=bool(broken))


def _piled_up(before: Floats, change: Floats) -> float:
    """By how much one bin has grown, (bins,) shares; 0 where too little, and in columns whose few
    values each have a bin of their own: there another value is another value, and no break."""
    grown = float(change.max(initial=0.0))
    is_continuous = before.max(initial=0.0) < LARGEST_CONTINUOUS_SHARE
    return grown if is_continuous and grown >= FEWEST_PILED_UP else 0.0


def _shares(counts: Counts) -> Floats:
    shares: Floats = counts / max(int(counts.sum()), 1)
    return shares


def _levels(column: CategoryColumn, change: Floats) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The levels that gained and those that lost, largest change first."""
    names = ["missing", "unseen", "other", *column.levels]
    order = np.argsort(-np.abs(change), kind="stable").tolist()
    large = [i for i in order if abs(change[i]) >= LEAST_LEVEL_CHANGE]
    gained = [names[i] for i in large if change[i] > 0]
    lost = [names[i] for i in large if change[i] < 0]
    return tuple(gained[:N_LEVELS_NAMED]), tuple(lost[:N_LEVELS_NAMED])


def _kind(
    moved: Sequence[_Moved],
    decision: Decision,
    expected: Performance | None,
    realised: Performance | None,
) -> tuple[Shift | None, str]:
    share = sum(one.movement.share for one in moved) or 1.0
    broken = [one for one in moved if one.is_broken]
    if sum(one.movement.share for one in broken) > share / 2:
        return Shift.DATA_QUALITY, _broken(broken)
    if realised is not None and (surprise := _surprise(expected, realised)):
        return Shift.CONCEPT, surprise
    if not any(column.named for column in decision.columns.values()):
        return _of_several(decision)
    inputs = [one for one in moved if one.role is Role.FEATURE]
    if inputs:
        outputs = any(one.role is Role.PREDICTION for one in moved)
        return Shift.COVARIATE, (
            f"inputs moved: {_names(inputs)}" + ("; predictions moved with them" if outputs else "")
        )
    if any(one.role is Role.PREDICTION for one in moved):
        return Shift.PREDICTION, (
            "predictions moved while no input stands out: has the model or its deployment changed?"
        )
    return None, "no single column stands out"


def _of_several(decision: Decision) -> tuple[Shift | None, str]:
    """What columns did that none did by itself."""
    if decision.pairs:
        pair = decision.pairs[0]
        more = f", and of {len(decision.pairs) - 1} more pairs" if len(decision.pairs) > 1 else ""
        return Shift.CORRELATION, (
            f"the correlation of {pair.first} and {pair.second} went from {pair.reference:.2f} to "
            f"{pair.current:.2f}{more}, while no column stands out by itself"
        )
    if decision.together:
        return Shift.COVARIATE, f"several columns moved a little: {_listed(decision.together)}"
    return None, "no single column stands out"


def _broken(broken: Sequence[_Moved]) -> str:
    worst = max(broken, key=lambda one: (one.movement.share, one.movement.name)).movement
    if worst.piled_up > abs(worst.defects):
        what = f"one value took {worst.piled_up:.1%} of the rows more than in the reference"
    else:
        way = "more" if worst.defects > 0 else "fewer"
        what = f"{abs(worst.defects):.1%} {way} values are missing, infinite or unseen"
    return f"data look broken: {_names(broken)}; in {worst.name!r} {what}"


def _surprise(expected: Performance | None, realised: Performance) -> str:
    """Why the errors are more than the rows let expect; empty where they are not.

    The realised metric's whole interval must be worse than the reference's, and less than half
    of what was lost must be what the rows' own place in the reference let expect.
    """
    if realised.interval is None or realised.value is None or realised.reference is None:
        return ""
    sign = -1.0 if realised.metric in SMALLER_IS_BETTER else 1.0
    best = max(sign * realised.interval[0], sign * realised.interval[1])
    lost = sign * (realised.reference - realised.value)
    if best >= sign * realised.reference:
        return ""
    foreseen = 0.0
    if expected is not None and expected.value is not None and expected.reference is not None:
        foreseen = sign * (expected.reference - expected.value)
    if foreseen > lost / 2:
        return ""
    return (
        f"{realised.metric} went from {realised.reference:.3g} to {realised.value:.3g}, "
        "more than the moved rows let expect: what the model learned no longer holds"
    )


def _names(moved: Sequence[_Moved]) -> str:
    """The first few, heaviest first."""
    ranked = sorted((one.movement for one in moved), key=lambda m: (-m.weight, m.name))
    return _listed([movement.name for movement in ranked])


def _listed(names: Sequence[str]) -> str:
    listed = ", ".join(names[:N_NAMED])
    return listed if len(names) <= N_NAMED else f"{listed} and {len(names) - N_NAMED} more"
