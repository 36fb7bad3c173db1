import numpy as np
import pytest
from hypothesis import given, settings

from detectors.bins import MISSING, NEG_INF, POS_INF, UNSEEN, NumericColumn
from detectors.columns import Coded, ColumnType, Field, Floats, Rows
from detectors.decision.floor import EffectFloor, FittedFloor
from detectors.profile import Profile, count
from detectors.reference import Reference
from detectors.report.effects import statistics
from tests.detectors.makers import coded, numbers

SCHEMA = (Field("x", ColumnType.FLOAT), Field("k", ColumnType.CATEGORY))
RNG_NORMAL = np.random.default_rng(1).normal(size=100_000)


def rows_of(values: Floats, shares: tuple[int, ...] = (500, 500)) -> Rows:
    """So many values of x, and levels of k in these proportions."""
    codes = np.resize(np.repeat(np.arange(len(shares)), shares), len(values))
    return Rows({"x": values, "k": Coded(codes.astype(np.int32), "abcdefgh")}, len(values))


@pytest.fixture(scope="module")
def reference() -> Reference:
    return Reference.fit(rows_of(RNG_NORMAL), SCHEMA)


def ignored(reference: Reference, rows: Rows, floor: EffectFloor | None = None) -> dict[str, bool]:
    fitted = FittedFloor(floor or EffectFloor(), reference)
    found = fitted.ignores(count(rows, reference).counts).tolist()
    return {
        c.field.name: is_ignored for c, is_ignored in zip(reference.columns, found, strict=True)
    }


def test_ten_million_rows_page_nobody_over_a_hundredth_of_a_sd(reference: Reference) -> None:
    window = count(rows_of(RNG_NORMAL + 0.01), reference).counts * 100
    assert FittedFloor(EffectFloor(), reference).ignores(window)[0]


def test_a_shift_of_a_tenth_of_a_sd_matters(reference: Reference) -> None:
    assert not ignored(reference, rows_of(RNG_NORMAL + 0.1))["x"]


@pytest.mark.parametrize("defect", [np.nan, np.inf, -np.inf])
def test_a_hundredth_of_the_rows_broken_matters_whatever_the_others_do(
    reference: Reference, defect: float
) -> None:
    values = RNG_NORMAL.copy()
    values[:1_000] = defect
    assert not ignored(reference, rows_of(values))["x"]


def test_half_a_percent_between_categories_does_not_matter_but_a_new_one_does(
    reference: Reference,
) -> None:
    assert ignored(reference, rows_of(RNG_NORMAL, (495, 505)))["k"]
    assert not ignored(reference, rows_of(RNG_NORMAL, (497, 497, 6)))["k"]


def test_a_floor_of_nothing_ignores_nothing(reference: Reference) -> None:
    nothing = EffectFloor(
        wasserstein_sd=0.0, kolmogorov_smirnov=0.0, total_variation=0.0, defects=0.0
    )
    assert not any(ignored(reference, rows_of(RNG_NORMAL), nothing).values())


@settings(max_examples=100)
@given(numbers(), coded(), numbers(), coded())
def test_all_columns_at_once_are_what_the_statistics_of_each_say(
    before: Floats, kinds: Coded, after: Floats, later_kinds: Coded
) -> None:
    known, seen = paired(before, kinds), paired(after, later_kinds)
    if known.n < 2 or not np.isfinite(known.columns["x"]).any():  # type: ignore[arg-type]  # floats
        return
    reference = Reference.fit(known, SCHEMA)
    profile = count(seen, reference)
    found = FittedFloor(EffectFloor(), reference).ignores(profile.counts)
    assert found.tolist() == [slowly(reference, profile, i) for i in range(len(found))]


def paired(values: Floats, kinds: Coded) -> Rows:
    n = min(len(values), len(kinds))
    return Rows({"x": values[:n], "k": Coded(kinds.codes[:n], kinds.levels)}, n)


def slowly(reference: Reference, profile: Profile, index: int) -> bool:
    column, floor = reference.columns[index], EffectFloor()
    a, b = (reference.part(p.counts, index) for p in (reference.profile, profile))
    numeric = isinstance(column, NumericColumn)
    broken = [MISSING, NEG_INF, POS_INF] if numeric else [MISSING, UNSEEN]
    shares = [side[broken].sum() / max(side.sum(), 1) for side in (a, b)]
    effects = statistics(column, a, b)
    sizes = {
        "wasserstein_sd": floor.wasserstein_sd,
        "kolmogorov_smirnov": floor.kolmogorov_smirnov,
        "total_variation": 1.0 if numeric else floor.total_variation,
    }
    small = all(effects.get(name, 0.0) < limit for name, limit in sizes.items())
    return bool(abs(shares[1] - shares[0]) < floor.defects) and small
