"""What a document asks of detection, as far as the reference must know of it."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv

from detectors.columns import Rows
from detectors.profile import count
from monitor.apply.resolving import fit_file
from monitor.files import FileError
from tests.monitor.up.test_command import training
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


def test_where_rows_are_to_be_tested_a_profile_may_keep_more_of_them(tmp_path: Path) -> None:
    columns = {f"x{i}": np.arange(200.0) for i in range(50)}
    csv.write_csv(pa.table(columns), tmp_path / "wide.csv")
    url = str(tmp_path / "wide.csv")
    few = fit_file(monitor(reference=url, sample_rows=1000).spec)
    detection = {"sample_tests": ["energy"]}
    more = fit_file(monitor(reference=url, sample_rows=1000, detection=detection).spec)
    assert (few.sample_limit, more.sample_limit) == (14_336 // 204, 131_072 // 204)


def test_windows_are_matched_by_a_column_of_categories_alone(tmp_path: Path) -> None:
    (tmp_path / "training.csv").write_text(training())
    document = monitor(reference=str(tmp_path / "training.csv"), detection={"match_by": "nothing"})
    with pytest.raises(FileError, match="match_by is 'nothing'"):
        fit_file(document.spec)
