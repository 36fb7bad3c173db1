"""What a judge keeps, so that a window takes no longer than it must."""

from time import process_time

from detectors.profile import count
from detectors.reference import Reference
from detectors.report import Comparison
from monitor.detect.judging import Judge
from monitor.detect.state import Series
from tests.monitor.detect.world import some_rows
from tests.support.counted import HOUR, monitor

SPEC = monitor(detection={"compare_with": [{"trailing": "28h"}]}).spec


def compare(
    judge: Judge, reference: Reference, contents: list[bytes], start: float = 0.0
) -> tuple[Comparison, float]:
    """What is said of a window, and the seconds of processor time that it took."""
    series = Series("seats", reference.id, HOUR)
    past = [((i + 1) * HOUR, content) for i, content in enumerate(contents)]
    profile, began = count(some_rows(1), reference), process_time()
    (found,) = judge.compare(series, SPEC, start, profile, past)
    return found, process_time() - began


def test_what_was_learned_of_past_windows_is_used_again_but_not_of_others(
    judge: Judge, reference: Reference
) -> None:
    contents = [count(some_rows(number), reference).to_bytes() for number in range(20, 40)]
    first, learning_s = compare(judge, reference, contents)
    again = [compare(judge, reference, contents) for _ in range(3)]
    assert [first.n_windows, *(found for found, _ in again)] == [20, first, first, first]
    assert min(using_s for _, using_s in again) < learning_s / 2
    moved = [count(some_rows(number, shift=3.0), reference).to_bytes() for number in range(9)]
    changed, _ = compare(judge, reference, moved)
    assert (first.verdict, changed.verdict) == ("quiet", "drift")
