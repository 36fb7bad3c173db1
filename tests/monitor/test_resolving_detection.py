"""What a document asks of detection, as far as the reference must know of it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detectors.columns import Rows
from detectors.profile import count
from monitor.files import FileError
from monitor.resolving import fit_file
from tests.monitor.test_up import training
from tests.support.counted import monitor


@pytest.mark.parametrize(("spec", "n_rows"), [({}, 0), ({"sample_rows": 25}, 25)])
def test_a_profile_keeps_as_many_rows_as_the_document_says(
    tmp_path: Path, spec: dict[str, Any], n_rows: int
) -> None:
    (tmp_path / "training.csv").write_text(training())
    document = monitor(reference=str(tmp_path / "training.csv"), **spec)
    reference = fit_file(document.spec)
    numbers = np.random.default_rng(1).normal(size=200)
    rows = Rows({field.name: numbers for field in reference.schema}, 200)
    profile = count(rows, reference)
    assert len(profile.sample.keys) == n_rows


def test_windows_are_matched_by_a_column_of_categories_alone(tmp_path: Path) -> None:
    (tmp_path / "training.csv").write_text(training())
    document = monitor(reference=str(tmp_path / "training.csv"), detection={"match_by": "nothing"})
    with pytest.raises(FileError, match="match_by is 'nothing'"):
        fit_file(document.spec)
