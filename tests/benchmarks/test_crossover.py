"""From how many values on a device is the quicker."""

import pytest

from benchmarks.crossover import Line, crossover


def line(n_values: int, core_s: float, device_s: float) -> Line:
    return Line(
        task="count",
        n_values=n_values,
        core_s=core_s,
        device_s=device_s,
        moved_mb=1.0,
        least_traffic_mb=1.0,
        copy_gb_per_s=1.0,
    )


@pytest.mark.parametrize(
    ("device_s", "expected"),
    [([3, 3, 3, 3], 400), ([9, 3, 9, 3], 800), ([9, 9, 9, 9], None), ([0, 0, 0, 0], 100)],
)
def test_the_crossover_is_where_the_device_is_quicker_for_good(
    device_s: list[float], expected: int | None
) -> None:
    sizes = zip((100, 200, 400, 800), (1.0, 2.0, 4.0, 8.0), device_s, strict=True)
    assert crossover([line(*size) for size in sizes]) == expected
