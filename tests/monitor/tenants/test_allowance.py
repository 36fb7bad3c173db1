from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.spec.quotas import Quota
from monitor.tenants.allowance import BURST_S, Allowances
from monitor.tenants.quotas import NoQuotas

RATE = 10.0


@dataclass
class Fixed:
    """Every namespace may send ten rows a second, but for one that may send all."""

    quota: Quota = field(default_factory=lambda: Quota(rows_per_second=RATE))

    def of(self, namespace: str, /) -> Quota:
        return Quota() if namespace == "free" else self.quota


@dataclass
class Clock:
    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_taken_and_what_comes_after_it_waits() -> None:
    clock = Clock()
    allowances = Allowances(Fixed(), clock=clock)
    assert allowances.take("a.x", int(RATE * BURST_S) + 1) == 0.0
    assert allowances.take("a.x", 1) == pytest.approx(0.1)
    clock.now += 0.11
    assert allowances.take("a.x", 1) == 0.0


def test_what_one_namespace_sends_is_no_matter_of_another() -> None:
    allowances = Allowances(Fixed(), clock=Clock())
    allowances.take("a.x", 10_000)
    assert allowances.take("a.y", 1) > 0.0
    assert allowances.take("b.x", 1) == 0.0


def test_rows_that_are_charged_are_taken_in_any_case_and_others_wait_for_them() -> None:
    allowances = Allowances(Fixed(), clock=Clock())
    for _ in range(3):
        allowances.charge("a.x", 100)
    assert allowances.wait_s("a") == 3 * 100 / RATE - BURST_S


def test_nobody_waits_without_a_quota() -> None:
    assert Allowances(NoQuotas(), clock=Clock()).take("a.x", 10**9) == 0.0
    assert Allowances(Fixed(), clock=Clock()).take("free.x", 10**9) == 0.0


SENT = st.lists(st.tuples(st.floats(0, 30), st.integers(1, 300)), min_size=1, max_size=60)


@given(SENT)
def test_over_any_time_no_more_is_taken_than_the_rate_a_burst_and_the_last_push(
    sent: Iterable[tuple[float, int]],
) -> None:
    clock = Clock()
    allowances = Allowances(Fixed(), clock=clock)
    taken: list[tuple[float, int]] = []
    for pause, n in sent:
        clock.now += pause
        if allowances.take("a.x", n) == 0.0:
            taken.append((clock.now, n))
    for i, (start, _) in enumerate(taken):
        for j, (end, _) in enumerate(taken[i:], start=i):
            assert sum(n for _, n in taken[i:j]) <= RATE * (end - start + BURST_S) + 1e-6


@given(SENT)
def test_who_waits_as_long_as_was_said_is_taken(sent: Iterable[tuple[float, int]]) -> None:
    clock = Clock()
    allowances = Allowances(Fixed(), clock=clock)
    for pause, n in sent:
        clock.now += pause
        if wait_s := allowances.take("a.x", n):
            clock.now += wait_s + 1e-6
            assert allowances.take("a.x", n) == 0.0
