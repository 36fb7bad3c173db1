"""Detectors that the test trains and saves in environments of alibi-detect's own.

`python -m benchmarks.peers install alibi_detect_0_11 alibi_detect` makes the environments; only
the second can save outlier detectors, for which alibi-detect needs TensorFlow.
"""

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from prometheus_client import CollectorRegistry
from scipy.stats import ks_2samp

from benchmarks.peers.environments import ENVIRONMENTS
from detectors.columns import ColumnType, Field, Floats, Rows
from detectors.profile import count
from detectors.reference import Reference
from monitor.adapters.alibi import (
    AlibiError,
    DriftAnswer,
    OutlierAnswer,
    SavedDetector,
    matrix,
    run,
)
from monitor.adapters.allowed import Allowed
from monitor.adapters.folder_digest import folder_digest
from monitor.detect.examinations import wait_for_tests
from monitor.detect.examining import Examiner
from monitor.server import queries
from monitor.spec.detection import Detection
from monitor.sql import tables
from monitor.sql.database import open_database
from monitor.sql.store import References
from monitor.telemetry.instruments import Instruments
from tests.monitor.adapters import train_detectors
from tests.monitor.adapters.train_detectors import COLUMNS
from tests.support.counted import keep

# Two processes import what alibi-detect imports, from a disk that may be slow.
pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("alibi-detect")]

TIMEOUT_S = 120.0
ENVIRONMENT = {"drift": "alibi_detect_0_11", "outlier": "alibi_detect"}

NotTested = Callable[[str], NoReturn]


@pytest.fixture(scope="module")
def trained(
    tmp_path_factory: pytest.TempPathFactory, not_tested: NotTested
) -> Callable[[str], SavedDetector]:
    folder = tmp_path_factory.mktemp("detectors")

    def train(name: str) -> SavedDetector:
        environment = ENVIRONMENT[name]
        if not ENVIRONMENTS.is_installed(environment):
            not_tested(f"the environment {environment!r} is not installed")
        python = ENVIRONMENTS.interpreter(environment)
        if not (folder / name).exists():
            script = [str(python), train_detectors.__file__, str(folder), name]
            subprocess.run(script, check=True, capture_output=True, timeout=TIMEOUT_S)
        digest = folder_digest(folder / name)
        return SavedDetector(
            folder=folder / name, sha256=digest, python=python, timeout_s=TIMEOUT_S
        )

    return train


def normal(n: int, *, shift: float = 0.0) -> Floats:
    return np.random.default_rng(1).normal(shift, size=(n, COLUMNS))


def rows_of(values: Floats, names: Sequence[str]) -> Rows:
    return Rows(dict(zip(names, values.T, strict=True)), len(values))


def test_a_saved_drift_detector_answers_as_scipy_computes(
    trained: Callable[[str], SavedDetector],
) -> None:
    rows = normal(300, shift=0.5)
    answer = run(trained("drift"), rows)
    pairs = zip(train_detectors.reference().T, rows.T, strict=True)
    known = [ks_2samp(*pair, method="asymp") for pair in pairs]
    assert isinstance(answer, DriftAnswer)
    assert (answer.detector, answer.is_drift) == ("KSDrift", True)
    assert answer.p_values == pytest.approx([result.pvalue for result in known], rel=1e-3)
    assert answer.distances == pytest.approx([result.statistic for result in known], rel=1e-5)
    assert answer.threshold == pytest.approx(0.05 / COLUMNS)


def test_rows_like_those_it_was_trained_on_have_not_drifted(
    trained: Callable[[str], SavedDetector],
) -> None:
    answer = run(trained("drift"), normal(300))
    assert isinstance(answer, DriftAnswer)
    assert not answer.is_drift


def test_a_saved_outlier_detector_answers_for_every_row(
    trained: Callable[[str], SavedDetector],
) -> None:
    answer = run(trained("outlier"), np.vstack([normal(5), normal(2, shift=30.0)]))
    assert isinstance(answer, OutlierAnswer)
    assert answer.is_outlier == (False,) * 5 + (True,) * 2
    assert len(answer.scores) == 7


def test_a_profiles_sample_can_be_asked_about(trained: Callable[[str], SavedDetector]) -> None:
    names = [f"x{i}" for i in range(COLUMNS)]
    schema = [Field(name, ColumnType.FLOAT) for name in names]
    reference = Reference.fit(rows_of(train_detectors.reference(), names), schema)
    profile = count(rows_of(normal(300, shift=0.5), names), reference)
    answer = run(trained("drift"), matrix(profile.sample.rows(reference.declared), names))
    assert isinstance(answer, DriftAnswer)
    assert answer.is_drift


def test_a_monitor_that_names_a_saved_detector_has_its_verdict_in_the_report(
    trained: Callable[[str], SavedDetector], tmp_path: Path
) -> None:
    saved, names = trained("drift"), [f"x{i}" for i in range(COLUMNS)]
    schema = [Field(name, ColumnType.FLOAT) for name in names]
    reference = Reference.fit(rows_of(train_detectors.reference(), names), schema)
    store, database = keep(reference, tmp_path), open_database(f"sqlite:///{tmp_path}/d.db")
    allowed = Allowed(
        folders={saved.sha256: saved.folder}, python=saved.python, timeout_s=TIMEOUT_S
    )
    examiner = Examiner(database, References(store), allowed, Instruments(CollectorRegistry()))
    asked = {"saved_detectors": [{"name": "tram", "sha256": saved.sha256}]}
    with database.write() as connection:
        connection.execute(tables.reports.insert(), stored_report("r"))
        wait_for_tests(
            connection,
            Detection.model_validate(asked),
            report="r",
            monitor="tram",
            profile=count(rows_of(normal(300, shift=0.5), names), reference),
            now=0.0,
        )
    assert examiner.step()
    with database.read() as connection:
        report = queries.report(connection, "r")
    database.engine.dispose()
    assert report is not None
    (answer,) = report["sample"]["detectors"]
    assert (answer["detector"], answer["verdict"]) == ("KSDrift", "drift")
    assert answer["p_value"] < 0.05 / COLUMNS


def stored_report(identifier: str) -> dict[str, object]:
    """A row of a report of which nothing but the id matters."""
    times = ("window_s", "window_start", "window_end", "created_at")
    numbers = dict.fromkeys((*times, "revision"), 1)
    texts = dict.fromkeys(("monitor", "reference_id"), "")
    body = {"id": identifier, "monitor": ""}
    return {"id": identifier, "monitor_revision": 1, "decision": {}, "body": body} | numbers | texts


def test_another_content_than_the_allowed_one_is_never_loaded(
    trained: Callable[[str], SavedDetector],
) -> None:
    with pytest.raises(AlibiError, match="is allowed"):
        run(replace(trained("drift"), sha256="0" * 64), normal(10))


def test_rows_that_do_not_fit_are_an_error_in_the_detectors_own_words(
    trained: Callable[[str], SavedDetector],
) -> None:
    with pytest.raises(AlibiError, match="Error"):
        run(trained("drift"), normal(10)[:, :2])


def test_a_detector_that_takes_too_long_is_ended(trained: Callable[[str], SavedDetector]) -> None:
    with pytest.raises(AlibiError, match=r"no answer within 0\.01 s"):
        run(replace(trained("drift"), timeout_s=0.01), normal(10))


def test_a_detector_that_wants_too_much_memory_gets_none(
    trained: Callable[[str], SavedDetector],
) -> None:
    with pytest.raises(AlibiError):
        run(replace(trained("drift"), memory_bytes=64 << 20), normal(10))


def saved(folder: Path) -> SavedDetector:
    """A folder that is no detector, for our own Python, which has no alibi-detect."""
    folder.mkdir()
    (folder / "config.toml").write_text("")
    python = Path(sys.executable)
    return SavedDetector(folder=folder, sha256=folder_digest(folder), python=python, timeout_s=60)


def test_an_environment_without_alibi_detect_is_named_as_the_cause(tmp_path: Path) -> None:
    with pytest.raises(AlibiError, match="No module named 'alibi_detect'"):
        run(saved(tmp_path / "saved"), normal(3))


def test_an_interpreter_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(AlibiError, match="no Python at"):
        run(replace(saved(tmp_path / "saved"), python=tmp_path / "python"), normal(3))


def program(path: Path, text: str) -> Path:
    """An interpreter of the test's own: it is called with -I, the script and its arguments."""
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("exit 3", "ended with status 3; it said nothing"),
        ("echo alas; kill -9 $$", "killed by SIGKILL; alas"),
        ("exit 0", "cannot be read"),
        ('echo "[1]" > $5', "cannot be read"),
        ('echo "{" > $5', "cannot be read"),
        ('echo \'{"is_outlier": [true], "scores": [], "name": 1}\' > $5', "1 flags"),
    ],
)
def test_a_child_that_misbehaves_is_an_error(tmp_path: Path, text: str, error: str) -> None:
    python = program(tmp_path / "python", text)
    with pytest.raises(AlibiError, match=error):
        run(replace(saved(tmp_path / "saved"), python=python), normal(3))


def test_the_child_inherits_no_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "s3cret")
    python = program(tmp_path / "python", f"/usr/bin/env > {tmp_path}/environment; exit 1")
    with pytest.raises(AlibiError):
        run(replace(saved(tmp_path / "saved"), python=python), normal(3))
    names = {line.split("=")[0] for line in (tmp_path / "environment").read_text().splitlines()}
    assert names <= {"HOME", "TMPDIR", "LANG", "PWD", "SHLVL", "_"} | {
        f"{library}_NUM_THREADS" for library in ("OMP", "OPENBLAS", "MKL", "NUMBA")
    }
