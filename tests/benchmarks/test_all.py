import importlib.util
from pathlib import Path

import pytest

from benchmarks.all import OURS, PEERS, Benchmark, plan

EVERY = pytest.mark.parametrize("benchmark", [*OURS, *PEERS], ids=lambda one: one.name)


@EVERY
def test_every_benchmark_of_the_plan_is_there(benchmark: Benchmark) -> None:
    assert importlib.util.find_spec(f"benchmarks.{benchmark.name}") is not None


@EVERY
def test_the_plan_names_every_benchmark_and_its_minutes(benchmark: Benchmark) -> None:
    lines = [line.split() for line in plan([benchmark], quick=False)]
    assert lines[0][:2] == [benchmark.name, f"{benchmark.minutes(quick=False):g}"]


def test_the_minutes_are_added_up() -> None:
    chosen = [Benchmark("a", "", 1, 10), Benchmark("b", "", 2)]
    assert list(plan(chosen, quick=True))[-1].split()[1] == "3"
    assert list(plan(chosen, quick=False))[-1].split()[1] == "12"


def test_what_has_one_form_is_not_asked_for_a_quick_one() -> None:
    folder = Path("out")
    assert "--quick" in Benchmark("a", "", 1, 10).command(folder, quick=True)
    assert "--quick" not in Benchmark("a", "", 1).command(folder, quick=True)
