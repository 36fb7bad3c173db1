"""The model's performance and its data's faults in words."""

from typing import Any

from monitor.server.performance import faults, groups, metrics, tracked
from monitor.server.windows import Estimate, Window
from tests.monitor.server.conftest import performance, report

CLASSIFIED: dict[str, Any] = {
    "metric": "accuracy",
    "value": 0.9,
    "reference": 0.92,
    "n": 500,
    "others": {"roc_auc": 0.95},
    "coverage": 1.0,
    "interval": (0.87, 0.92),
    "intervals": {"roc_auc": (0.93, 0.97)},
    "undefined": {"precision": "the class is never predicted"},
}


def test_every_metric_has_its_line_with_its_interval() -> None:
    assert metrics(report(0, expected=None, realised=CLASSIFIED)) == [
        {"name": "accuracy", "expected": "–", "realised": "0.9 (0.87 to 0.92)"},
        {"name": "ROC AUC", "expected": "–", "realised": "0.95 (0.93 to 0.97)"},
        {"name": "precision", "expected": "–", "realised": "the class is never predicted"},
    ]


def test_an_estimate_and_what_came_true_stand_side_by_side() -> None:
    told = metrics(report(0, expected=CLASSIFIED | {"others": {}}, realised=CLASSIFIED))
    assert told[0]["expected"] == told[0]["realised"] == "0.9 (0.87 to 0.92)"
    assert [one["expected"] for one in told if one["name"] == "ROC AUC"] == ["–"]


def test_reports_from_before_intervals_show_their_figures() -> None:
    told = metrics(report(0, expected=performance(3.0), realised=None))
    assert [one["expected"] for one in told] == ["3", "3.9"]


def test_a_window_without_performance_has_no_lines() -> None:
    assert metrics(report(0, expected=None, realised=None)) == []


def test_a_group_is_told_beside_the_rest() -> None:
    group = {
        "column": "sex",
        "group": "f",
        "n": 240,
        "values": {"statistical_parity_difference": -0.12, "disparate_impact": 0.7},
        "intervals": {"disparate_impact": (0.6, 0.8)},
        "undefined": {"equal_opportunity_difference": "no positive of the group has a label"},
    }
    assert groups(report(0, fairness=[group])) == [
        {
            "name": "sex: f",
            "n": 240,
            "parity": "-0.12",
            "impact": "0.7 (0.6 to 0.8)",
            "opportunity": "no positive of the group has a label",
        }
    ]
    assert groups(report(0)) == []


def issue(fault: str, column: str | None, *, beyond: bool = True) -> dict[str, Any]:
    return {
        "fault": fault,
        "column": column,
        "n": 60,
        "share": 0.12,
        "reference": 0.01,
        "beyond": beyond,
    }


def test_faults_beyond_the_reference_are_told() -> None:
    issues = [
        issue("missing", "speed"),
        issue("duplicate ids", None),
        issue("constant", "stops"),
        issue("unseen", "weather", beyond=False),
    ]
    assert faults(report(0, quality={"n_rows": 500, "issues": issues})) == [
        "speed: 12.0 % missing, 1.0 % in the reference.",
        "rows: 12.0 % duplicate ids, 1.0 % in the reference.",
        "stops is constant.",
    ]


def test_reports_from_before_data_quality_have_no_faults() -> None:
    assert faults(report(0)) == faults(report(0, quality=None)) == []


def window(expected: Estimate, realised: float | None) -> Window:
    return Window(
        monitor="free-seats",
        report="rep_1",
        series_s=0.0,
        start=0.0,
        end=1.0,
        verdict="quiet",
        n_rows=500,
        evidence=0.4,
        threshold=90.0,
        outlier_share=None,
        expected=expected,
        realised=Estimate(realised),
    )


def test_what_labels_say_of_the_estimate_is_told_of_the_windows_that_have_them() -> None:
    estimate = Estimate(3.0, 2.5, 3.5)
    past = [window(estimate, realised) for realised in (3.4, 2.8, 9.0, None)]
    assert tracked([*past, window(Estimate(None), 3.0)]) == (
        "In 3 windows with labels the estimate was off by 2.2 on average; its interval held what "
        "they told in 2 of 3."
    )


def test_an_estimate_without_an_interval_is_told_without() -> None:
    assert tracked([window(Estimate(3.0), 3.5)]) == (
        "In 1 window with labels the estimate was off by 0.5 on average."
    )
    assert tracked([window(Estimate(3.0), None)]) is None
