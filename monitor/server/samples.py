"""What tests of a window's sampled rows said, beside its report, as documents and in words."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, select

from detectors.report.sample import SampleReport
from monitor.server.wording import count, figure, p_value
from monitor.spec.samples import TITLES
from monitor.sql import tables

Document = dict[str, Any]

_NOTHING = asdict(SampleReport())


def with_samples(connection: Connection, reports: Sequence[Document]) -> list[Document]:
    """Reports with a key "sample": None where no rows were to be tested."""
    t = tables.examinations
    ids = [report["id"] for report in reports]
    query = select(t.c.report, t.c.is_waiting, t.c.said).where(t.c.report.in_(ids))
    samples = {
        row.report: {"is_pending": row.is_waiting, **(row.said or _NOTHING)}
        for row in connection.execute(query)
    }
    return [report | {"sample": samples.get(report["id"])} for report in reports]


def lines(sample: Mapping[str, Any] | None) -> list[Mapping[str, str]]:
    """One for each test and each saved detector: name, rows, said, p_value."""
    if sample is None:
        return []
    tests = [_test(one) for one in sample["tests"]]
    return [*tests, *(_detector(one) for one in sample["detectors"])]


def note(sample: Mapping[str, Any] | None) -> str:
    """Why there is nothing to see, or not yet; else empty."""
    if sample is None:
        return ""
    if sample["is_pending"]:
        return "The rows of this window have yet to be tested."
    return f"Not tested: {sample['reason']}." if sample["reason"] else ""


def _test(test: Mapping[str, Any]) -> Mapping[str, str]:
    return {
        "name": TITLES[test["name"]],
        "rows": f"{count(test['n_reference'])} and {count(test['n_current'])}",
        "said": _said(test),
        "p_value": _p_value(test["p_value"]),
    }


def _said(test: Mapping[str, Any]) -> str:
    if test["statistic"] is None:
        return "too few rows"
    if test["name"] != "classifier":
        return figure(test["statistic"])
    low, high = test["interval"]
    columns = f", by {', '.join(test['columns'])}" if test["columns"] else ""
    return f"AUC {test['statistic']:.2f} ({low:.2f} – {high:.2f}){columns}"


def _detector(detector: Mapping[str, Any]) -> Mapping[str, str]:
    called = f" ({detector['detector']})" if detector["detector"] else ""
    if detector["reason"]:
        said = f"no answer: {detector['reason']}"
    elif detector["n_outliers"] is not None:
        said = f"{count(detector['n_outliers'])} outliers"
    else:
        said = str(detector["verdict"])
    return {
        "name": f"{detector['name']}{called}",
        "rows": count(detector["n_rows"]),
        "said": said,
        "p_value": _p_value(detector["p_value"]),
    }


def _p_value(p: float | None) -> str:
    return "–" if p is None else p_value(p)
