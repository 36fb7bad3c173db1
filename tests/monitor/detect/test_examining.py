"""An examiner on profiles that are made by hand, and a real database of each kind."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import func, select

from detectors.columns import Floats, Rows
from detectors.profile import Profile, count
from detectors.reference import Reference
from monitor.adapters.allowed import Allowed
from monitor.adapters.folder_digest import folder_digest
from monitor.detect.examinations import wait_for_tests
from monitor.detect.examining import Examiner
from monitor.detect.judging import Judge
from monitor.spec.detection import Detection
from monitor.sql import tables
from monitor.sql.database import Database, Ownership
from monitor.sql.store import References
from monitor.telemetry.instruments import Instruments
from tests.monitor.detect.world import World

TESTS = {"sample_tests": ["mmd", "energy", "classifier"]}
SHA256 = "0" * 64


def normal(mean: float, n: int) -> Floats:
    return np.random.default_rng(5).normal(mean, 1, n)


def window(reference: Reference, *, shift: float = 0.0, n: int = 300) -> Profile:
    x = normal(shift, n)
    return count(Rows({"x": x, "prediction": 2 * x}, n), reference)


class Bench:
    """Windows that wait, and an examiner that tests them."""

    def __init__(
        self, database: Database, references: References, allowed: Allowed, **limits: int
    ) -> None:
        self.database = database
        self.registry = CollectorRegistry()
        self.examiner = Examiner(
            database, references, allowed, Instruments(self.registry), **limits
        )

    def wait(self, profile: Profile, *, report: str = "r", now: float = 0.0, **asked: Any) -> None:
        detection = Detection.model_validate(asked or TESTS)
        with self.database.write() as connection:
            wait_for_tests(
                connection, detection, report=report, monitor="seats", profile=profile, now=now
            )

    def said(self, report: str = "r") -> dict[str, Any]:
        t = tables.examinations
        with self.database.read() as connection:
            said = connection.scalar(select(t.c.said).where(t.c.report == report))
        assert isinstance(said, dict)
        return said

    def answer(self, profile: Profile, **asked: Any) -> dict[str, Any]:
        self.wait(profile, **asked)
        assert self.examiner.step()
        return self.said()

    def n_with_rows(self) -> int:
        t = tables.examinations
        with self.database.read() as connection:
            query = select(func.count()).where(t.c.profile.is_not(None))
            return connection.scalar(query) or 0


@pytest.fixture
def bench(database: Database, references: References) -> Bench:
    return Bench(database, references, Allowed())


def test_rows_like_the_references_differ_by_chance(bench: Bench, reference: Reference) -> None:
    said = bench.answer(window(reference))
    assert [test["name"] for test in said["tests"]] == ["mmd", "energy", "classifier"]
    assert all(test["p_value"] > 0.01 for test in said["tests"])


def test_rows_that_moved_differ_and_the_classifier_says_by_which_columns(
    bench: Bench, reference: Reference
) -> None:
    profile = window(reference, shift=1.0)
    mmd, energy, classifier = bench.answer(profile)["tests"]
    assert mmd["p_value"] == energy["p_value"] == pytest.approx(1 / 500)
    assert classifier["p_value"] < 1e-6
    assert set(classifier["columns"]) <= {"x", "prediction"}
    assert classifier["interval"][0] < classifier["statistic"] < classifier["interval"][1]
    assert (mmd["n_reference"], mmd["n_current"]) == (len(reference.sample), len(profile.sample))


def test_the_same_window_gets_the_same_answer(bench: Bench, reference: Reference) -> None:
    first = bench.answer(window(reference))
    bench.wait(window(reference, n=10))  # another number of rows is tested anew
    bench.wait(window(reference))
    assert bench.examiner.step()
    assert bench.said() == first


def test_rows_are_forgotten_once_they_are_tested(bench: Bench, reference: Reference) -> None:
    bench.wait(window(reference))
    assert bench.n_with_rows() == 1
    assert bench.examiner.step()
    assert bench.n_with_rows() == 0
    assert not bench.examiner.step()


def test_labels_alone_do_not_make_a_window_wait_again(bench: Bench, reference: Reference) -> None:
    bench.answer(window(reference))
    bench.wait(window(reference))
    assert not bench.examiner.step()


def test_a_monitor_that_asks_for_nothing_lets_nothing_wait(
    bench: Bench, reference: Reference
) -> None:
    bench.wait(window(reference), minimum_rows=50)
    assert bench.n_with_rows() == 0


def test_of_too_many_windows_the_oldest_are_given_up_and_told_so(
    database: Database, references: References, reference: Reference
) -> None:
    bench = Bench(database, references, Allowed(), most_waiting=1)
    for now in range(3):
        bench.wait(window(reference), report=str(now), now=now, sample_tests=["energy"])
    assert bench.examiner.step()
    assert "were waiting" in bench.said("0")["reason"]
    assert bench.said("2")["tests"]
    given_up = {"outcome": "given_up"}
    name = "driftmeter_detect_examinations_total"
    assert bench.registry.get_sample_value(name, given_up) == 1


def test_a_profile_whose_reference_is_gone_says_so(bench: Bench, reference: Reference) -> None:
    bench.wait(window(reference))
    t = tables.examinations
    with bench.database.write() as connection:
        connection.execute(t.update().values(reference_id="sha256:" + SHA256))
    assert bench.examiner.step()
    assert "cannot be read" in bench.said()["reason"]


def test_a_window_without_sampled_rows_says_so(bench: Bench, reference: Reference) -> None:
    assert "no row" in bench.answer(window(reference, n=0))["reason"]


def test_a_window_that_closes_waits_where_its_monitor_asks(
    reference: Reference, database: Database, ownership: Ownership, judge: Judge, bench: Bench
) -> None:
    world = World(reference, database, ownership, judge)
    world.apply(sample_rows=100, detection={"sample_tests": ["energy"]})
    world.hour(1)
    world.watermark(2)
    (written,) = world.tick().closed
    assert bench.examiner.step()
    assert [test["name"] for test in bench.said(written.id)["tests"]] == ["energy"]


def asked(sha256: str, **more: Any) -> dict[str, Any]:
    return {"saved_detectors": [{"name": "tram", "sha256": sha256, **more}]}


def test_a_detector_that_the_operator_does_not_allow_is_not_run(
    bench: Bench, reference: Reference
) -> None:
    (detector,) = bench.answer(window(reference), **asked(SHA256))["detectors"]
    assert f"--allow-alibi {SHA256}=FOLDER" in detector["reason"]


def speaking(folder: Path, answer: object) -> Allowed:
    """A folder that stands for a saved detector, and a Python that gives one answer for it."""
    saved, python = folder / "saved", folder / "python"
    saved.mkdir()
    (saved / "config.toml").write_text("")
    python.write_text(f"#!/bin/sh\ncp $4 {folder}/rows.npy\ncat > $5 <<'END'\n{answer}\nEND\n")
    python.chmod(0o755)
    return Allowed(folders={folder_digest(saved): saved}, python=python)


DRIFT = {"is_drift": True, "p_val": [0.03, None], "distance": [0.4], "threshold": [0.05]}


def test_an_allowed_detector_is_asked_about_the_sampled_numbers(
    database: Database, references: References, reference: Reference, tmp_path: Path
) -> None:
    allowed = speaking(tmp_path, json.dumps(DRIFT | {"name": "KSDrift"}))
    bench, profile = Bench(database, references, allowed), window(reference, shift=1.0)
    (detector,) = bench.answer(profile, **asked(*allowed.folders))["detectors"]
    assert (detector["detector"], detector["verdict"], detector["p_value"]) == (
        *("KSDrift", "drift", 0.03),
    )
    rows = np.load(tmp_path / "rows.npy")
    assert rows.shape == (len(profile.sample), 1)  # the prediction is no feature
    np.testing.assert_allclose(np.sort(rows[:, 0]), np.sort(normal(1.0, 300)), rtol=1e-6)


def test_outliers_are_counted(
    database: Database, references: References, reference: Reference, tmp_path: Path
) -> None:
    flags = [True] * 3 + [False] * 297
    answer = json.dumps({"name": "IForest", "is_outlier": flags, "scores": []})
    allowed = speaking(tmp_path, answer)
    bench = Bench(database, references, allowed)
    (detector,) = bench.answer(window(reference), **asked(*allowed.folders))["detectors"]
    assert (detector["n_outliers"], detector["n_rows"], detector["verdict"]) == (3, 300, None)


@pytest.mark.parametrize(
    ("answer", "columns", "reason"),
    [("{", [], "cannot be read"), ("{}", ["weather"], "no column 'weather'")],
)
def test_a_detector_that_fails_is_a_reason_in_the_report(
    database: Database,
    references: References,
    reference: Reference,
    tmp_path: Path,
    answer: str,
    columns: list[str],
    reason: str,
) -> None:
    allowed = speaking(tmp_path, answer)
    bench = Bench(database, references, allowed)
    told = bench.answer(window(reference), **asked(*allowed.folders, columns=columns))
    assert reason in told["detectors"][0]["reason"]
    assert told["reason"] is None
