"""Segments of the rows in reports, on profiles that are made by hand."""

from pathlib import Path

import numpy as np
import pytest

from detectors.columns import Coded, ColumnType, Field, Role, Rows
from detectors.profile import count, rows_at
from detectors.profile.segments import split
from detectors.reference import Reference
from detectors.report import SegmentReport
from monitor.detect.judging import Judge
from monitor.sql.database import Database, Ownership
from monitor.sql.store import References
from tests.monitor.detect.world import World
from tests.support.counted import HOUR, keep

SCHEMA = (
    Field("x", ColumnType.FLOAT),
    Field("line", ColumnType.CATEGORY),
    Field("prediction", ColumnType.FLOAT, Role.PREDICTION),
)


def some_rows(seed: int, n: int, *, shift: float = 0.0) -> Rows:
    """Rows of two tram lines, the second of which moves."""
    rng = np.random.default_rng(seed)
    line = np.arange(n, dtype=np.int32) % 2
    x = rng.normal(size=n) + shift * line
    return Rows({"x": x, "line": Coded(line, ("9", "21")), "prediction": 2 * x}, n)


@pytest.fixture(scope="module")
def split_by_line() -> Reference:
    n = 2_500
    return Reference.fit(
        some_rows(1, n),
        SCHEMA,
        times=np.repeat(np.arange(25) * HOUR, 100),
        window_lengths_s=(HOUR,),
        prediction="prediction",
        segments=["line"],
    )


@pytest.fixture
def world(
    split_by_line: Reference, database: Database, ownership: Ownership, tmp_path: Path
) -> World:
    judge = Judge(References(keep(split_by_line, tmp_path / "lines")))
    return World(split_by_line, database, ownership, judge)


def hour(world: World, number: int, rows: Rows, **about: object) -> None:
    """What aggregate says of the rows of an hour: of all of them, and line by line."""
    reference, start = world.reference, number * HOUR
    world.segment(count(rows, reference), start, **about)
    for index, where in split(rows, reference.segments):
        own = count(rows_at(rows, where), reference)
        world.segment(own, start, subset=index + 1, **about)


def moved(segments: tuple[SegmentReport, ...]) -> dict[str | None, list[str]]:
    return {one.value: [column.name for column in one.moved] for one in segments}


def test_a_report_says_which_segment_moved_and_counts_every_row_once(world: World) -> None:
    hour(world, 0, some_rows(7, 600, shift=3.0), model_version="")
    world.watermark(1.0)
    [written] = world.tick().closed
    assert written.report.n_rows == 600
    assert moved(written.report.segments) == {"21": ["prediction", "x"], "9": []}
    assert [one.n_rows for one in written.report.segments] == [300, 300]
    assert world.bodies()[0]["segments"][0]["column"] == "line"


def test_rows_that_come_late_are_in_the_segments_of_the_next_revision(world: World) -> None:
    hour(world, 0, some_rows(7, 600))
    world.watermark(1.0)
    world.tick()
    hour(world, 0, some_rows(8, 100), partition=1)
    outcome = world.tick()
    assert {one.n_rows for one in outcome.revised[-1].report.segments} == {350}
    assert world.bodies()[0]["n_rows"] == 700


def test_a_segment_does_not_pass_for_a_version_of_the_model(world: World) -> None:
    hour(world, 0, some_rows(7, 600))
    world.watermark(1.0)
    [written] = world.tick().closed
    assert written.report.versions == ()


def test_what_is_too_late_is_counted_once_and_not_for_each_segment(world: World) -> None:
    world.apply(label=None, label_horizon="1h")
    for number in range(5):
        hour(world, number, some_rows(number, 100))
    world.watermark(9.0)
    world.tick()
    hour(world, 0, some_rows(9, 100), partition=1)
    assert world.tick().too_late == {"seats": 1}
