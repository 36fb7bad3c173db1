from typing import Any, get_args

import pytest
from pydantic import ValidationError

from detectors.scorers import OUTLIER_SCORERS
from monitor.spec.detection import OutlierScorer
from monitor.spec.model import Monitor
from monitor.spec.windows import Window


def document(reference: object = "training.parquet", **spec: object) -> dict[str, Any]:
    return {
        "apiVersion": "driftmeter.dev/v1",
        "kind": "Monitor",
        "metadata": {"name": "free-seats"},
        "spec": {"reference": reference, **spec},
    }


def monitor(reference: object = "training.parquet", **spec: object) -> Monitor:
    return Monitor.model_validate(document(reference, **spec))


def test_everything_but_name_and_reference_has_a_default() -> None:
    spec = monitor().spec
    assert (spec.prediction, spec.label, spec.windows) == (
        "prediction",
        None,
        (Window(length=3600.0),),
    )
    assert str(spec.detection.false_alarms) == "1 per 90d"


@pytest.mark.parametrize("text", ["first 10000", "first 10_000", "first 10,000", " first  10000 "])
def test_the_first_predictions_may_be_the_reference(text: str) -> None:
    reference = monitor(text).spec.reference
    assert (reference.first, reference.url) == (10_000, None)


@pytest.mark.parametrize("text", ["trailing 30d", " last  30d", {"trailing": "30d"}])
def test_a_trailing_window_may_be_the_reference_and_is_compared_with_too(text: object) -> None:
    spec = monitor(text).spec
    assert (spec.reference.trailing, spec.reference.url) == (30 * 86_400.0, None)
    assert [one.trailing for one in spec.compared_with] == [30 * 86_400.0]


def test_a_reference_has_one_source() -> None:
    with pytest.raises(ValidationError, match="one of url, first and trailing"):
        monitor({"url": "a.csv", "first": 1000})


@pytest.mark.parametrize(
    ("text", "alarms", "period_s"),
    [("1 per 90d", 1.0, 7_776_000.0), ("0.5 per 1w", 0.5, 604_800.0), ("3 per 1h", 3.0, 3600.0)],
)
def test_a_budget_is_alarms_per_period(text: str, alarms: float, period_s: float) -> None:
    budget = monitor(detection={"false_alarms": text}).spec.detection.false_alarms
    assert (budget.alarms, budget.period) == (alarms, period_s)


@pytest.mark.parametrize("text", ["1", "1 per", "per 90d", "-1 per 90d", "0 per 90d", "1 per 0s"])
def test_what_is_no_budget_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        monitor(detection={"false_alarms": text})


@pytest.mark.parametrize("name", ["", "A", "-a", "a-", "a b", "a/b", "ä", "a" * 64])
def test_a_name_that_would_not_do_in_a_url_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        Monitor.model_validate({**document(), "metadata": {"name": name}})


@pytest.mark.parametrize(
    "spec",
    [
        {"prediction": "dm.outlier"},
        {"columns": {"dm.time": "float"}},
        {"label": "prediction"},
        {"windows": ["1h", "90m"]},
        {"windows": ["0s"]},
        {"windows": []},
        {"alerts": {"webhooks": [{"url": "https://a", "secret_file": "s"}] * 2}},
        {"alerts": {"webhooks": [{"url": "file:///etc/passwd", "secret_file": "s"}]}},
        {"surprise": 1},
        {"label": "p", "probabilities": {"yes": "p"}},
        {"prediction": "p", "probabilities": {"yes": "p"}},
        {"prediction": "sex", "fairness": ["sex"]},
        {"fairness": ["dm.group"]},
    ],
)
def test_what_contradicts_itself_is_refused(spec: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        monitor(**spec)


def test_the_panes_are_as_long_as_the_shortest_window() -> None:
    assert monitor(windows=["1h", "5m", "1d"]).pane_s == 300.0


def test_the_models_name_is_the_monitors_unless_given() -> None:
    assert monitor().model_name == "free-seats"
    assert monitor(model={"name": "seats_v3"}).model_name == "seats_v3"


def test_a_document_survives_json_and_keeps_defaults_to_itself() -> None:
    given = monitor(
        {"url": "a.csv", "time": "at"},
        windows=["5m", "1h"],
        alerts={"for": "10m"},
        detection={"false_alarms": "2 per 30d"},
    )
    assert Monitor.model_validate(given.to_json()) == given
    assert given.to_json()["spec"] == {
        "reference": {"url": "a.csv", "time": "at"},
        "windows": ["5m", "1h"],
        "alerts": {"for": "10m"},
        "detection": {"false_alarms": "2 per 30d"},
    }


def test_the_scorers_of_outliers_that_can_be_named_are_those_that_there_are() -> None:
    assert set(get_args(OutlierScorer)) == set(OUTLIER_SCORERS)
