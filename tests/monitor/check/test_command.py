"""`driftmeter check` as somebody types it."""

import argparse
import json
import re
from collections.abc import Callable
from contextlib import redirect_stdout
from datetime import UTC, datetime
from html.parser import HTMLParser
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet
from rich.console import Console
from scipy import stats

from monitor.check import command, table
from monitor.check.comparison import check_tables
from monitor.files import FileError

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs the command on two tables, written as Parquet and CSV; gives exit code and output."""

    def run(reference: dict[str, Any], current: dict[str, Any], *options: str) -> tuple[int, str]:
        parquet.write_table(pa.table(reference), tmp_path / "reference.parquet")
        csv.write_csv(pa.table(current), tmp_path / "current.csv")
        code = _run(str(tmp_path / "reference.parquet"), str(tmp_path / "current.csv"), *options)
        return code, capsys.readouterr().out

    return run


def _run(*arguments: str) -> int:
    parser = argparse.ArgumentParser(prog="driftmeter")
    command.add_parser(parser.add_subparsers())
    args = parser.parse_args(["check", *arguments])
    code: int = args.run(args)
    return code


def _rides(n: int, *, seed: int, lockdown: bool = False) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        "passengers": rng.poisson(9 if lockdown else 48, n),
        "temperature": rng.normal(12, 8, n),
        "line": rng.choice(["U1", "S3"], n, p=[0.7, 0.3] if lockdown else [0.3, 0.7]),
        "express": rng.random(n) < 0.3,
    }


CALM = _rides(2000, seed=1)
AS_CALM = _rides(1500, seed=2)
LOCKDOWN = _rides(1500, seed=3, lockdown=True)


def test_nothing_moved_is_exit_code_0(run: Run) -> None:
    code, out = run(CALM, AS_CALM)
    assert code == 0
    assert "No drift in any of 4 columns" in out


def test_drift_is_exit_code_1_and_the_table_says_what_moved(run: Run) -> None:
    code, out = run(CALM, LOCKDOWN)
    assert code == 1
    first, second = out.splitlines()[5:7]
    assert re.match(r"passengers +integer +median 48 → 9 .* drift$", first)
    assert re.match(r"line +category +U1 \d\d\.\d % → \d\d\.\d % .* drift$", second)
    assert "Drift in 2 of 4 columns" in out
    assert "Two files are two windows" in out


def test_without_a_terminal_the_table_is_plain_and_at_most_so_wide(run: Run) -> None:
    name = "a rather long name of a column"
    _, out = run({**CALM, name: ["x"] * 2000}, {**LOCKDOWN, name: [1.5e-9] * 1500})
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) <= table.WIDTH


def test_on_a_terminal_the_verdicts_are_coloured() -> None:
    check = check_tables(pa.table(CALM), pa.table(LOCKDOWN), roles={}, alpha=0.01)
    console = Console(force_terminal=True, width=120, color_system="standard", record=True)
    with console.capture() as captured:
        table.show(check, ("a", "b"), console)
    assert "\x1b[1;31mdrift" in captured.get()


def test_a_terminal_without_unicode_shows_question_marks(tmp_path: Path) -> None:
    csv.write_csv(pa.table(CALM), tmp_path / "calm.csv")
    ascii_only = TextIOWrapper(BytesIO(), encoding="ascii")
    with redirect_stdout(ascii_only):
        assert _run(str(tmp_path / "calm.csv"), str(tmp_path / "calm.csv")) == 0
    ascii_only.seek(0)
    assert "from ? to" in ascii_only.read()


def test_the_json_agrees_with_scipy(run: Run) -> None:
    code, out = run(CALM, LOCKDOWN, "--json")
    document = json.loads(out)
    columns = {column["name"]: column for column in document["columns"]}
    temperature, line = columns["temperature"], columns["line"]
    numbers = stats.ks_2samp(CALM["temperature"], LOCKDOWN["temperature"])
    assert temperature["p_value"] == pytest.approx(numbers.pvalue, rel=1e-12)
    counts = [[np.count_nonzero(t["line"] == v) for v in ("U1", "S3")] for t in (CALM, LOCKDOWN)]
    shares = stats.chi2_contingency(counts, correction=False)
    assert line["statistics"]["chi_squared"] == pytest.approx(shares.statistic)
    assert line["p_value"] == pytest.approx(shares.pvalue)
    assert code == 1


def test_the_json_has_the_keys_it_promises(run: Run) -> None:
    _, out = run(CALM, AS_CALM, "--json", "--label", "passengers", "--prediction", "temperature")
    document = json.loads(out)
    assert list(document) == [
        *("version", "verdict", "alpha", "reference", "current", "n_columns", "n_drifted"),
        *("columns", "error", "sample_tests", "notes"),
    ]
    assert list(document["columns"][0]) == [
        *("name", "type", "role", "verdict", "reason", "moved", "strength", "statistics"),
        *("effect", "effect_unit", "p_value", "adjusted_p_value", "intervals"),
        *("reference", "current", "distribution"),
    ]
    assert document["error"]["metric"] == "mean absolute error"
    assert document["reference"]["n_rows"] == 2000


def test_every_effect_is_told_with_its_interval(run: Run, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    gaps = {**LOCKDOWN, "temperature": [*LOCKDOWN["temperature"][:1200], *[None] * 300]}
    _, out = run(CALM, gaps, "--html", str(page))
    written = [
        *(r"\b\d\.\d\d \(\d\.\d\d–\d\.\d\d\) sd", r"\b\d\d\.\d \(\d\d\.\d–\d\d\.\d\) %"),
        r"\+20\.0 \(\+1[78]\.\d–\+2[12]\.\d\) pp",
    ]
    for shown in (out, page.read_text("utf-8")):
        assert [pattern for pattern in written if not re.search(pattern, shown)] == []


def test_the_json_has_intervals_of_every_statistic(run: Run) -> None:
    _, out = run(CALM, {**LOCKDOWN, "line": [*LOCKDOWN["line"][:-1], None]}, "--json")
    columns = {column["name"]: column for column in json.loads(out)["columns"]}
    assert set(columns["passengers"]["intervals"]) == {"kolmogorov_smirnov", "wasserstein_sd"}
    assert set(columns["line"]["intervals"]) == {
        *("chi_squared", "total_variation", "missing_difference")
    }
    for column in columns.values():
        for name, value in column["statistics"].items():
            low, high = column["intervals"][name]
            assert 0 <= low <= value <= high


def test_rows_are_tested_where_that_is_asked_for(run: Run) -> None:
    code, out = run(CALM, AS_CALM, "--json", "--sample-tests", "energy,mmd")
    energy, mmd = json.loads(out)["sample_tests"]
    assert (code, energy["name"], mmd["name"]) == (0, "energy", "mmd")
    assert (energy["n_reference"], energy["n_current"]) == (2000, 1500)
    assert min(energy["p_value"], mmd["p_value"]) > 0.01


def test_what_tests_of_rows_say_is_in_the_table_and_on_the_page(run: Run, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    options = ("--sample-tests", "classifier", "--html", str(page))
    _, out = run(CALM, LOCKDOWN, *options)
    assert "Classifier that tells the files apart by passengers: AUC 1.00" in out
    assert "Classifier that tells the files apart by passengers: AUC 1.00" in page.read_text()


def test_a_test_that_there_is_not_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        _run("reference.csv", "current.csv", "--sample-tests", "mdd")
    assert "no test 'mdd'; there are mmd, energy, classifier" in capsys.readouterr().err


def test_only_the_columns_asked_for_are_compared(run: Run) -> None:
    _, out = run(CALM, LOCKDOWN, "--columns", "line, express", "--json")
    assert [column["name"] for column in json.loads(out)["columns"]] == ["line", "express"]


def test_a_name_with_a_comma_is_quoted_as_in_csv(run: Run) -> None:
    values = {"a,b": [1.0] * 30, "c": [1] * 30}
    _, out = run(values, values, "--columns", '"a,b"', "--json")
    assert [column["name"] for column in json.loads(out)["columns"]] == ["a,b"]


def test_a_column_asked_for_that_only_one_file_has_is_drift(run: Run) -> None:
    code, out = run(CALM, {"other": [1] * 50}, "--columns", "line")
    assert code == 1
    assert "vanished" in out


def test_an_unknown_column_is_an_error_that_names_it(run: Run) -> None:
    with pytest.raises(FileError, match="no column 'colour' in either file"):
        run(CALM, LOCKDOWN, "--columns", "line,colour")


def test_one_column_cannot_play_two_roles(run: Run) -> None:
    with pytest.raises(FileError, match="both the label and the prediction"):
        run(CALM, LOCKDOWN, "--label", "line", "--prediction", "line")


def test_too_few_rows_to_decide_anything_is_exit_code_2(run: Run) -> None:
    code, out = run({"x": [1]}, {"x": [1]})
    assert code == 2
    assert "no column has 20 values in both files; give files with more rows" in out


def test_nothing_that_can_be_compared_is_exit_code_2(run: Run) -> None:
    times = {"t": [datetime(2026, 1, 1, tzinfo=UTC)] * 50}
    code, out = run(times, times)
    assert code == 2
    assert "no column can be compared" in out


def test_no_name_at_all_is_no_choice_of_columns() -> None:
    with pytest.raises(SystemExit, match="2"):
        _run("a.csv", "b.csv", "--columns", "")


@pytest.mark.parametrize("alpha", ["0", "1", "-0.1", "nan", "much"])
def test_alpha_must_be_a_probability(alpha: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        _run("a.csv", "b.csv", f"--alpha={alpha}")
    assert exit_.value.code == 2
    assert "argument --alpha" in capsys.readouterr().err


def test_a_stricter_alpha_needs_more_evidence(run: Run) -> None:
    rng = np.random.default_rng(4)
    reference, current = {"x": rng.normal(size=500)}, {"x": rng.normal(0.3, size=500)}
    assert run(reference, current, "--alpha", "0.05")[0] == 1
    assert run(reference, current, "--alpha", "1e-9")[0] == 0


def test_help_teaches_by_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        _run("--help")
    out = capsys.readouterr().out
    assert "driftmeter check train.csv today.csv --html report.html" in out
    assert "exit code:" in out


class _Page(HTMLParser):
    """What a page loads from elsewhere, and which elements it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [value or "" for name, value in attrs if name in ("src", "href", "srcset")]


def test_the_page_needs_nothing_from_elsewhere(run: Run, tmp_path: Path) -> None:
    run(CALM, LOCKDOWN, "--html", str(tmp_path / "report.html"))
    page = _Page((tmp_path / "report.html").read_text("utf-8"))
    assert page.loads == []
    assert page.tags.count("svg") == 4
    assert "script" not in page.tags


def test_names_and_values_cannot_write_into_the_page(run: Run, tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script>\x1b[31m"
    values = {hostile: [hostile, "<img src=x>"] * 30}
    _, out = run(values, values, "--html", str(tmp_path / "report.html"))
    page = _Page((tmp_path / "report.html").read_text("utf-8"))
    assert not {"script", "img"} & set(page.tags)
    assert "\x1b" not in out


@pytest.mark.parametrize("name", ["", " ", "=1+1", "näme\n2", "🚋" * 300, "dm.outlier", "a.b[0]"])
def test_an_absurd_column_name_is_a_name(name: str, run: Run, tmp_path: Path) -> None:
    values = {name: [1, 2, 3] * 20, "other": [0.5] * 60}
    code, out = run(values, values, "--html", str(tmp_path / "report.html"))
    assert code == 0
    assert max(map(len, out.splitlines())) <= table.WIDTH


def test_a_page_that_cannot_be_written_is_an_error_of_the_system(run: Run, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="absent"):
        run(CALM, AS_CALM, "--html", str(tmp_path / "absent" / "report.html"))
