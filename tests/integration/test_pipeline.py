"""Rows in, reports out: aggregate and detect as processes, on a real broker and a real database."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from monitor.adapters.folder_digest import folder_digest
from monitor.apply.registrar import Registrar
from monitor.kafka.connecting import Broker
from monitor.kafka.publishing import Publisher
from monitor.sql.database import open_database
from monitor.sql.store import ArtifactStore
from tests.integration.pipeline import (
    HOUR,
    START,
    Pipeline,
    facts,
    on_sqlite,
    spec,
    write_reference,
)
from tests.support.brokers import ON_APACHE, on_embedded
from tests.support.long import LONG
from tests.support.owners import let_leases_run_out


@pytest.fixture
def pipeline(broker: Broker, database_url: str, tmp_path: Path) -> Iterator[Pipeline]:
    database = open_database(database_url)
    registrar = Registrar(database, ArtifactStore(str(tmp_path / "store")), broker)
    publisher = Publisher(broker, client_id="test")
    with ExitStack() as processes:
        yield Pipeline(broker, database, database_url, tmp_path, processes, registrar, publisher)
    publisher.close()
    registrar.close()
    database.engine.dispose()


@pytest.fixture
def reference(tmp_path: Path) -> str:
    return write_reference(tmp_path)


@on_sqlite
@on_embedded
def test_rows_become_reports_and_drift_is_found(pipeline: Pipeline, reference: str) -> None:
    assert pipeline.apply(**spec(reference)).state == "active"
    pipeline.start_all()
    for number in range(4):
        pipeline.hour(number)
    pipeline.hour(4, shift=2.0)
    pipeline.hour(5)
    reports = pipeline.until(lambda found: len(found) == 5)
    assert [r["n_rows"] for r in reports] == [200] * 5
    assert [r["verdict"] for r in reports] == ["quiet"] * 4 + ["drift"]
    assert reports[4]["columns"][0]["name"] in ("x", "prediction")


@on_sqlite
@on_embedded
def test_a_canary_is_compared_with_the_version_beside_it(
    pipeline: Pipeline, reference: str
) -> None:
    pipeline.apply(**spec(reference))
    pipeline.start_all()
    for version, n, shift in (("1", 300, 0.0), ("2", 150, 2.0)):
        times = START + HOUR * (0.1 + np.arange(n) / (2 * n))
        x, y = pipeline.rng.normal(shift, 1, n), pipeline.rng.normal(0, 1, n)
        ids = [f"{version}-{i}" for i in range(n)]
        pipeline.send(ids, times, {"x": x, "y": y, "prediction": x + y}, version)
    pipeline.hour(1)
    (report,) = pipeline.until(lambda found: len(found) == 1)
    stable, canary = report["versions"]
    assert [(one["version"], one["n_rows"]) for one in (stable, canary)] == [("1", 300), ("2", 150)]
    assert (stable["verdict"], canary["verdict"]) == ("quiet", "drift")
    assert "x" in {one["name"] for one in canary["differences"] if one["named"]}


@on_sqlite
@on_embedded
def test_a_report_says_which_segment_of_the_rows_is_hit_and_how_good_the_model_is_there(
    pipeline: Pipeline, reference: str
) -> None:
    table = parquet.read_table(reference)
    lines = pa.array(["9", "21"] * (table.num_rows // 2))
    parquet.write_table(table.append_column("line", lines), reference)
    pipeline.apply(**spec(reference, segments=["line"]))
    pipeline.start_all()
    n, line = 200, np.array(["9", "21"] * 100)
    ids, times = [f"{i}" for i in range(n)], START + HOUR * np.arange(n) / n
    x, y = pipeline.rng.normal(2.0 * (line == "21"), 1), pipeline.rng.normal(0, 1, n)
    pipeline.send(ids, times, {"x": x, "y": y, "line": line, "prediction": x + y})
    pipeline.label(ids, times, x + y + 3.0 * (line == "21"))
    pipeline.hour(1)
    reports = pipeline.until(
        lambda found: (found[0]["realised"] or {}).get("n") == n if found else False
    )
    told = {one["value"]: one for one in reports[0]["segments"] if one["n_rows"]}
    assert {value: one["n_rows"] for value, one in told.items()} == {"9": 100, "21": 100}
    assert {one["name"] for one in told["21"]["moved"]} == {"x", "prediction"}
    assert told["9"]["moved"] == []
    errors = [told[value]["realised"]["value"] for value in ("9", "21")]
    assert errors == pytest.approx([0.0, 3.0], abs=0.01)


@on_sqlite
@on_embedded
def test_late_labels_make_a_new_revision_with_the_realised_error(
    pipeline: Pipeline, reference: str
) -> None:
    pipeline.apply(**spec(reference))
    pipeline.start_all()
    ids, times, truths = pipeline.hour(0)
    pipeline.hour(1)
    pipeline.until(lambda found: len(found) == 1)
    pipeline.label(ids, times, truths)
    reports = pipeline.until(lambda found: (found[0]["realised"] or {}).get("n") == 200)
    assert reports[0]["revision"] > 1
    assert reports[0]["realised"]["coverage"] == 1.0
    assert reports[0]["verdict"] == "quiet"


@on_sqlite
@on_embedded
def test_sampled_rows_are_tested_and_a_saved_detector_is_asked(
    pipeline: Pipeline, reference: str, tmp_path: Path
) -> None:
    saved, python = tmp_path / "saved", tmp_path / "python"
    saved.mkdir()
    (saved / "config.toml").write_text("")
    said = '{"name": "KS", "is_drift": true, "p_val": [0.01], "distance": [1], "threshold": []}'
    python.write_text(f"#!/bin/sh\necho '{said}' > $5\n")
    python.chmod(0o755)
    sha256 = folder_digest(saved)
    detection = {
        "sample_tests": ["energy", "classifier"],
        "saved_detectors": [{"name": "tram", "sha256": sha256}],
    }
    pipeline.apply(**spec(reference, sample_rows=200, detection=detection))
    pipeline.start("aggregate", "--flush", "200ms")
    flags = ["--allow-alibi", f"{sha256}={saved}", "--alibi-python", str(python)]
    pipeline.start("detect", "--database", pipeline.database_url, "--idle", "1h", *flags)
    pipeline.hour(0, shift=2.0)
    pipeline.hour(1)
    (report,) = pipeline.until(lambda found: bool(found and found[0]["sample"]["tests"]))
    energy, classifier = report["sample"]["tests"]
    assert energy["p_value"] < 0.01
    assert set(classifier["columns"]) <= {"x", "prediction"}
    assert energy["n_current"] == 200
    (detector,) = report["sample"]["detectors"]
    assert (detector["detector"], detector["verdict"], detector["n_rows"]) == ("KS", "drift", 200)


@pytest.mark.parametrize(
    ("database_url", "broker"),
    [
        ("sqlite", "embedded"),
        pytest.param("postgres", "apache", marks=ON_APACHE),
        pytest.param("postgres", "embedded", marks=LONG),
        pytest.param("sqlite", "apache", marks=[ON_APACHE[0], *LONG]),
    ],
    indirect=True,
)
def test_kill_9_of_both_roles_loses_nothing_and_counts_nothing_twice(
    pipeline: Pipeline, reference: str
) -> None:
    pipeline.apply(**spec(reference))
    aggregate = pipeline.start("aggregate", "--flush", "200ms")
    detect = pipeline.start("detect", "--database", pipeline.database_url, "--idle", "1h")
    ids, times, truths = pipeline.hour(0)
    pipeline.hour(1)
    pipeline.until(lambda found: len(found) == 1)
    pipeline.label(ids[:100], times[:100], truths[:100])
    for process in (aggregate, detect):
        os.kill(process, signal.SIGKILL)
    let_leases_run_out(pipeline.database)
    pipeline.label(ids[100:], times[100:], truths[100:])
    pipeline.hour(2)
    pipeline.start_all()
    pipeline.hour(3)
    reports = pipeline.until(
        lambda found: len(found) == 3 and (found[0]["realised"] or {}).get("n") == 200
    )
    assert [facts(report) for report in reports] == [pipeline.recomputed(n) for n in range(3)]


@on_sqlite
@on_embedded
def test_windows_that_overlap_and_windows_by_rows_are_reported_and_see_a_drift(
    pipeline: Pipeline, reference: str
) -> None:
    windows = [{"length": "2h", "every": "1h"}, {"rows": 300, "every": "1h"}]
    pipeline.apply(**spec(reference, windows=windows))
    pipeline.start_all()
    for number in range(3):
        pipeline.hour(number)
    pipeline.hour(3, shift=2.0)
    pipeline.hour(4)
    reports = pipeline.until(lambda found: len(found) == 5)
    assert [(hour_of(r, "start"), hour_of(r, "end"), r["n_rows"]) for r in reports] == [
        (0, 2, 400),
        (0, 2, 400),
        (1, 3, 400),
        (2, 4, 400),
        (2, 4, 400),
    ]
    assert [r["verdict"] for r in reports] == ["quiet"] * 3 + ["drift"] * 2


def hour_of(report: dict[str, Any], which: str) -> float:
    """Since the first."""
    return (datetime.fromisoformat(report["window"][which]).timestamp() - START) / HOUR


@on_sqlite
@on_embedded
def test_a_second_replica_takes_over_and_the_counts_stay_the_same(
    pipeline: Pipeline, reference: str
) -> None:
    pipeline.apply(**spec(reference))
    pipeline.start_all()
    pipeline.hour(0)
    pipeline.start("aggregate", "--flush", "200ms")
    pipeline.hour(1)
    pipeline.hour(2)
    pipeline.hour(3)
    reports = pipeline.until(lambda found: [report["n_rows"] for report in found] == [200] * 3)
    assert [facts(report)["columns"] for report in reports] == [
        pipeline.recomputed(n, labelled=False)["columns"] for n in range(3)
    ]
