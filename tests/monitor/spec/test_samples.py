from typing import Any, get_args

import pytest
from pydantic import ValidationError

from detectors.samples import SAMPLE_TESTS
from monitor.spec.samples import TITLES, SampleTest
from tests.support.counted import monitor

DETECTOR = {"name": "tram", "sha256": "0" * 64}


def test_a_document_can_name_every_test() -> None:
    assert get_args(SampleTest) == tuple(SAMPLE_TESTS) == tuple(TITLES)


def test_rows_are_tested_where_the_document_asks_for_it() -> None:
    detection = {"sample_tests": ["mmd"], "saved_detectors": [DETECTOR | {"columns": ["x"]}]}
    spec = monitor(sample_rows=100, detection=detection).spec
    assert spec.detection.needs_rows
    assert not monitor().spec.detection.needs_rows


@pytest.mark.parametrize(
    ("detection", "said"),
    [
        ({"sample_tests": ["mmd"]}, "need rows"),
        ({"saved_detectors": [DETECTOR]}, "need rows"),
        ({"saved_detectors": [DETECTOR, DETECTOR]}, "distinct names"),
        ({"sample_tests": ["mmd", "mmd"]}, "each but once"),
        ({"saved_detectors": [{"name": "tram", "sha256": "abc"}]}, "sha256"),
    ],
)
def test_what_cannot_be_is_refused(detection: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        monitor(detection=detection)
