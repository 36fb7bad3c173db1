"""One tenant floods an installation of two: what the other one feels of it."""

from pathlib import Path

import pytest

from benchmarks.noisy_tenant import answered, measure, medians

pytestmark = [pytest.mark.long, pytest.mark.timeout(1_800)]


def test_a_tenant_that_sends_ten_times_its_quota_slows_nobody_to_half(tmp_path: Path) -> None:
    found = measure(tmp_path, seconds=10.0, n_rounds=5, behind_s=0.0)
    noise = answered(found["beside"])
    assert noise[429] > noise[202]
    slower = medians(found)["slower"]
    assert slower["push_p99_ms"] < 2.0, slower
    assert slower["late_p50_s"] < 2.0, slower
