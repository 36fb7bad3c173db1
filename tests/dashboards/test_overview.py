"""What the first dashboard makes of metrics before it shows them."""

import json
import subprocess
from pathlib import Path

import pytest

from dashboards.boards.overview import error
from monitor.telemetry import metrics as m
from tests.conftest import Needs
from tests.support.grafana.asked import Span


def series(name: str, metric: str, value: float) -> dict[str, str]:
    labels = f'job="serve", instance="a", monitor="seats", metric="{metric}"'
    return {"series": f"{name}{{{labels}}}", "values": str(value)}


@pytest.mark.parametrize(("metric", "value", "reference"), [("mae", 6, 3), ("accuracy", 0.5, 0.75)])
def test_twice_the_error_is_so_of_distances_and_of_shares_that_are_right(
    metric: str, value: float, reference: float, needs: Needs, tmp_path: Path
) -> None:
    expected = {"labels": f'{{monitor="seats", metric="{metric}"}}', "value": 2}
    asked = Span(0.0, 60.0, 15.0).filled(error(m.MONITOR_REALISED))
    case = {
        "interval": "1m",
        "input_series": [
            series(m.MONITOR_REALISED.name, metric, value),
            series(m.MONITOR_REFERENCE_PERFORMANCE.name, metric, reference),
        ],
        "promql_expr_test": [{"expr": asked, "eval_time": "0m", "exp_samples": [expected]}],
    }
    (tmp_path / "error.yaml").write_text(json.dumps({"tests": [case]}))
    done = subprocess.run(
        [needs("promtool"), "test", "rules", "error.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
