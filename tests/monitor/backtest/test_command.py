"""`driftmeter backtest` as somebody types it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import yaml
from pyarrow import csv, parquet

from detectors.decision import Detector
from detectors.decision.budget import Budget
from detectors.profile import count
from monitor.apply.resolving import fit_file
from monitor.cli import main
from monitor.files import read_table, times_of, to_rows
from monitor.spec.model import Monitor
from tests.monitor.backtest.test_blobs import logged
from tests.monitor.backtest.test_reading import captured

DAY = 86_400.0
NEW_YEAR = 20_454 * DAY  # 2026-01-01
Run = Callable[..., tuple[int, Any]]


def rows(first_day: int, n_days: int, *, seed: int, n: int = 200) -> dict[str, Any]:
    """Quiet days that are counted from New Year."""
    rng = np.random.default_rng(seed)
    times = NEW_YEAR + np.sort(rng.uniform(first_day, first_day + n_days, n * n_days)) * DAY
    x = rng.normal(10, 2, len(times))
    prediction = 3 * x + rng.normal(0, 0.1, len(times))
    return {
        "at": pa.array((times * 1e6).astype(np.int64), pa.timestamp("us", "UTC")),
        "x": x,
        "line": rng.choice(["U1", "S3"], len(times)),
        "prediction": prediction,
        "truth": prediction + rng.normal(0, 1, len(times)),
    }


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    parquet.write_table(pa.table(rows(-40, 40, seed=1)), folder / "training.parquet")
    january = pa.table(rows(0, 20, seed=2))
    parquet.write_table(january, folder / "january.parquet")
    csv.write_csv(january.slice(0, 1_000), folder / "a.csv")
    csv.write_csv(january.slice(1_000), folder / "b.csv")
    return folder


@pytest.fixture
def run(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a monitor over files of the data; gives the exit code and the JSON, or all text."""

    def run(*arguments: str, text: bool = False, **spec: Any) -> tuple[int, Any]:
        (tmp_path / "monitor.yaml").write_text(yaml.safe_dump(document(data, **spec)))
        files = [str(data / one) if (data / one).exists() else one for one in arguments]
        options = [] if text else ["--json"]
        code = main(["backtest", "-f", str(tmp_path / "monitor.yaml"), *options, *files])
        said = capsys.readouterr()
        return code, said.out + said.err if text or code == 2 else json.loads(said.out)

    return run


def document(data: Path, **spec: Any) -> dict[str, Any]:
    reference = {"url": str(data / "training.parquet"), "time": "at"}
    return {
        "apiVersion": "driftmeter.dev/v1",
        "kind": "Monitor",
        "metadata": {"name": "seats"},
        "spec": {"reference": reference, "label": "truth", "windows": ["1d"], **spec},
    }


def windows(found: Any) -> list[Any]:
    return list(found["series"][0]["windows"])


def test_quiet_days_are_quiet(run: Run) -> None:
    code, found = run("january.parquet")
    assert (code, found["conclusion"]) == (0, "quiet")
    assert [one["verdict"] for one in windows(found)] == ["quiet"] * 20
    assert windows(found)[0]["start"] == "2026-01-01T00:00:00.000Z"
    assert sum(one["n_rows"] for one in windows(found)) == found["rows"] == 4_000


def test_windows_are_decided_as_the_detector_decides_their_rows(run: Run, data: Path) -> None:
    _, found = run("january.parquet")
    reference = fit_file(Monitor.model_validate(document(data)).spec)
    table = read_table(str(data / "january.parquet"))
    days = np.floor(times_of(table, "at") / DAY)
    detector = Detector(reference, window_s=DAY, budget=Budget(1, 90 * DAY))
    evidence = detector.start()
    for day, said in zip(np.unique(days), windows(found), strict=True):
        part = table.filter(pa.array(days == day))
        profile = count(to_rows(part, reference.schema)[0], reference)
        evidence, decision = detector.step(evidence, profile)
        assert said["p_value"] == pytest.approx(decision.p_value)
        assert said["evidence"] == pytest.approx(decision.evidence)


def test_how_rows_are_spread_over_files_makes_no_difference(run: Run) -> None:
    _, whole = run("january.parquet")
    _, parts = run("a.csv", "b.csv")
    assert [one["evidence"] for one in windows(parts)] == pytest.approx(
        [one["evidence"] for one in windows(whole)]
    )


def test_the_model_s_error_is_told_and_decides_nothing(run: Run, data: Path) -> None:
    _, found = run("january.parquet")
    told = [one["realised"] for one in windows(found)]
    table = read_table(str(data / "january.parquet"))
    errors = np.abs(table["truth"].to_numpy() - table["prediction"].to_numpy())
    total = sum(one["value"] * one["n"] for one in told) / sum(one["n"] for one in told)
    assert total == pytest.approx(errors.mean(), rel=0.01)
    _, wrong = run("--inject", "shift:column=truth,by=50,from=2026-01-10", "january.parquet")
    assert windows(wrong)[-1]["realised"]["value"] == pytest.approx(50, rel=0.05)
    assert {one["verdict"] for one in windows(wrong)} == {"quiet"}


def test_injected_drift_is_found_with_its_delay(run: Run) -> None:
    code, found = run("--inject", "shift:column=x,by=1sd,from=2026-01-11", "january.parquet")
    assert (code, found["conclusion"]) == (0, "found")
    assert (found["since"], found["allowed_false_alarms"]) == ("2026-01-11T00:00:00.000Z", 1)
    own, *others = found["series"][0]["budgets"]
    assert own["budget"] == "1 per 90d"
    assert (own["delay_seconds"], own["false_alarms"], own["n_drift"]) == (DAY, 0, 10)
    assert [one["budget"] for one in others] == ["1 per 365d", "1 per 30d", "1 per 7d"]
    assert windows(found)[10]["columns"][0] == "x"


def test_what_cannot_be_seen_is_missed(run: Run) -> None:
    drift = "shift:column=x,by=0.001sd,from=2026-01-11"
    code, found = run("--inject", drift, "--budget", "1 per 365d", "january.parquet")
    assert (code, found["conclusion"]) == (1, "missed")
    assert [one["budget"] for one in found["series"][0]["budgets"]] == ["1 per 90d", "1 per 365d"]


def test_drift_that_was_in_the_files_ends_with_1(run: Run, tmp_path: Path) -> None:
    later = rows(0, 3, seed=3)
    csv.write_csv(pa.table({**later, "x": later["x"] + 4}), tmp_path / "later.csv")
    code, found = run(str(tmp_path / "later.csv"))
    assert (code, found["conclusion"], found["since"]) == (1, "drift", None)


def test_segments_say_whom_a_drift_hits(run: Run, tmp_path: Path) -> None:
    later = rows(0, 3, seed=3)
    hit = later["line"] == "U1"
    shifted = {**later, "x": later["x"] + 4 * hit, "truth": later["truth"] + 50 * hit}
    csv.write_csv(pa.table(shifted), tmp_path / "later.csv")
    _, found = run(str(tmp_path / "later.csv"), segments=["line"])
    segments = [one for window in windows(found) for one in window["segments"]]
    of_u1 = [one for one in segments if one["value"] == "U1"]
    assert sum(one["n_rows"] for one in of_u1) == hit.sum()
    assert {one["value"]: one["moved"] for one in segments} == {"U1": ["x"], "S3": []}
    errors = np.abs(shifted["truth"] - later["prediction"])[hit]
    total = sum(one["realised"]["value"] * one["realised"]["n"] for one in of_u1)
    assert total / hit.sum() == pytest.approx(errors.mean(), rel=0.01)
    _, said = run(str(tmp_path / "later.csv"), text=True, segments=["line"])
    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert [one for one in lines if one.startswith("line:")] == [
        f"line: U1 3 of 3 windows x mae {errors.mean():.2f}"
    ]


def test_windows_with_few_rows_are_undecided_which_ends_with_2(run: Run) -> None:
    code, said = run("january.parquet", text=True, detection={"minimum_rows": 1_000})
    assert code == 2
    assert "no window has the 1000 rows" in said


def test_windows_of_several_lengths_are_made_of_the_same_rows(run: Run) -> None:
    _, found = run("january.parquet", windows=["1d", "7d"])
    assert [one["window_seconds"] for one in found["series"]] == [DAY, 7 * DAY]
    for one in found["series"]:
        assert sum(window["n_rows"] for window in one["windows"]) == 4_000


def test_the_text_folds_windows_that_say_the_same(run: Run) -> None:
    drift = "shift:column=x,by=1sd,from=2026-01-11"
    code, said = run("--inject", drift, "january.parquet", text=True)
    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert code == 0
    assert any(
        line.startswith("2026-01-01 00:00 to 2026-01-11 00:00 quiet 10 windows") for line in lines
    )
    assert any(
        line.startswith("2026-01-11 00:00 to 2026-01-21 00:00 drift 10 windows") for line in lines
    )
    assert "1 per 90d 10 1 0 2026-01-12 00:00 1d" in lines
    assert lines[-1].startswith("The injected drift is found after 1d; 0 false alarms before it")


def test_a_reference_of_the_first_predictions_leaves_the_others_to_be_judged(run: Run) -> None:
    arguments = ("--time", "at", "a.csv", "b.csv")
    code, found = run(*arguments, reference="first 1500", label=None)
    assert code == 0
    assert (found["reference"]["rows"], found["rows"]) == (1_500, 2_500)
    code, said = run(*arguments, reference="first 5000", label=None)
    assert code == 2
    assert "the files hold 1,000 fewer" in said
    code, said = run(*arguments, reference="first 4000", label=None)
    assert "none are left to be judged" in said


def test_hashed_columns_are_compared_in_the_form_in_which_they_leave(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "key").write_bytes(b"0123456789abcdef")
    capture = {"redact": {"line": "hash"}}
    key = ("--hash-key-file", str(tmp_path / "key"))
    code, found = run(*key, "january.parquet", capture=capture)
    assert (code, found["conclusion"]) == (0, "quiet")
    code, said = run("january.parquet", capture=capture)
    assert code == 2
    assert "--hash-key-file" in said


def test_values_of_another_type_are_missing_as_in_production(run: Run, tmp_path: Path) -> None:
    words = {**rows(0, 2, seed=4), "x": ["many"] * 400}
    csv.write_csv(pa.table(words), tmp_path / "words.csv")
    code, found = run(str(tmp_path / "words.csv"))
    assert code == 1
    assert "x" in windows(found)[0]["columns"]


def test_a_file_without_any_column_of_the_reference_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("at,y\n2026-01-01,1\n")
    code, said = run(str(tmp_path / "other.csv"))
    assert code == 2
    assert "none of the reference's columns is in the files: 'x', 'line', 'prediction'" in said


def test_lines_that_sagemaker_captured_are_judged_like_a_table(
    run: Run, data: Path, tmp_path: Path
) -> None:
    table = read_table(str(data / "a.csv"))
    names = ("x", "line", "prediction")
    columns = [table[name].to_pylist() for name in names]
    at = [datetime.fromtimestamp(t, UTC).isoformat() for t in times_of(table, "at").tolist()]
    lines = [
        captured(f"{x!r},{line}", repr(p), eventId=str(i), inferenceTime=at[i])
        for i, (x, line, p) in enumerate(zip(*columns, strict=True))
    ]
    (tmp_path / "captures.jsonl").write_bytes(b"\n".join(lines))
    _, as_table = run("a.csv")
    _, as_lines = run(str(tmp_path / "captures.jsonl"))
    assert [one["p_value"] for one in windows(as_lines)] == pytest.approx(
        [one["p_value"] for one in windows(as_table)]
    )


def test_blobs_of_kserve_s_logger_say_what_a_table_of_the_same_rows_does(
    data: Path, run: Run, tmp_path: Path
) -> None:
    table = read_table(str(data / "a.csv"))
    names = ("x", "line", "prediction")
    rows = zip(*[table[name].to_pylist() for name in names], strict=True)
    at = [datetime.fromtimestamp(t, UTC).isoformat() for t in times_of(table, "at").tolist()]
    asked, answered = [], []
    for i, (x, line, prediction) in enumerate(rows):
        bodies = {"instances": [[x, line]]}, {"predictions": [prediction]}
        said, told = (
            {**logged(str(i), side, body), "OccurrenceTime": at[i]}
            for side, body in zip(("request", "response"), bodies, strict=True)
        )
        asked.append(said)
        answered.append(told)
    paths = [tmp_path / "0-request.json", tmp_path / "0-response.json"]
    for path, sides in zip(paths, (asked, answered), strict=True):
        path.write_text(json.dumps(sides))
    drift = "shift:column=x,by=2sd,from=2026-01-04"
    _, as_table = run("--inject", drift, "a.csv")
    code, as_blobs = run("--inject", drift, *map(str, paths))
    assert (code, as_blobs["conclusion"]) == (0, "found")
    budgets = [one["series"][0]["budgets"] for one in (as_blobs, as_table)]
    assert budgets[0] == budgets[1]
    assert [one["p_value"] for one in windows(as_blobs)] == pytest.approx(
        [one["p_value"] for one in windows(as_table)]
    )


@pytest.mark.parametrize(
    ("option", "value", "complaint"),
    [
        ("--inject", "bend:column=x", "none of shift"),
        ("--budget", "few", "no budget"),
    ],
)
def test_an_option_that_cannot_be_read_says_why(
    run: Run, capsys: pytest.CaptureFixture[str], option: str, value: str, complaint: str
) -> None:
    with pytest.raises(SystemExit, match="2"):
        run(option, value, "january.parquet")
    assert complaint in capsys.readouterr().err


def test_of_several_documents_one_is_named(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = document(data), document(data)
    other["metadata"] = {"name": "rides"}
    (tmp_path / "two.yaml").write_text(yaml.safe_dump_all([one, other]))
    arguments = ["backtest", "-f", str(tmp_path / "two.yaml"), str(data / "january.parquet")]
    assert main(arguments) == 2
    assert "--monitor which one of: seats, rides" in capsys.readouterr().err
    assert main([*arguments, "--monitor", "rides"]) == 0
    assert capsys.readouterr().out.startswith("monitor    rides")
