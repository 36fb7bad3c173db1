"""What a document says of the model's outputs, from the file of training rows to its target."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv

from detectors.columns import Role
from detectors.performance import expected
from detectors.reference import Reference
from detectors.schema import ReferenceError  # noqa: A004  of data, not of weak references
from monitor.apply.resolving import fit_file
from monitor.files import FileError
from tests.detectors.performance.makers import binary
from tests.support.counted import monitor

SAID = binary(400)


@pytest.fixture
def training(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    columns = {
        "p_yes": SAID.probabilities[:, 1],
        "sex": rng.choice(["f", "m"], 400),
        "repaid": SAID.true,
        "approved": SAID.predicted,
        "age": rng.normal(40, 9, 400),
    }
    csv.write_csv(pa.table(columns), tmp_path / "training.csv")
    return tmp_path / "training.csv"


def fitted(path: Path, **spec: Any) -> Reference:
    document = {"prediction": "approved", "label": "repaid", **spec}
    return fit_file(monitor(reference=str(path), **document).spec)


def test_probabilities_and_groups_become_the_target(training: Path) -> None:
    reference = fitted(training, probabilities={"yes": "p_yes"}, fairness=["sex"])
    target = reference.target
    assert target is not None
    assert (target.classes, target.positive) == (("no", "yes"), "yes")
    assert target.columns == ("approved", "p_yes", "sex")
    found = expected(reference.profile, reference)
    assert found is not None
    assert found.interval is not None


def test_probabilities_are_outputs_too(training: Path) -> None:
    reference = fitted(training, probabilities={"yes": "p_yes"})
    roles = {field.name: field.role for field in reference.schema}
    assert roles["p_yes"] is roles["approved"] is Role.PREDICTION
    assert roles["sex"] is roles["age"] is Role.FEATURE


def test_the_positive_class_can_be_said(training: Path) -> None:
    target = fitted(training, positive="no").target
    assert target is not None
    assert target.positive == "no"


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"fairness": ["income"]}, "'income' is not in the reference"),
        ({"fairness": ["age"]}, "'age' has groups, but holds numbers"),
        ({"probabilities": {"yes": "sex"}}, "'sex' is a probability, but holds categories"),
    ],
)
def test_columns_that_do_not_fit_are_named(
    spec: dict[str, Any], reason: str, training: Path
) -> None:
    with pytest.raises(ReferenceError, match=reason):
        fitted(training, **spec)


def test_probabilities_without_a_prediction_are_refused(training: Path) -> None:
    with pytest.raises(FileError, match="need the column 'score'"):
        fitted(training, prediction="score", label=None, probabilities={"yes": "p_yes"})
