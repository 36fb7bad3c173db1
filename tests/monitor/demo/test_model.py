from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from monitor.demo import model
from monitor.demo.rides import FEATURES, TARGET, simulate


@pytest.fixture(scope="module")
def rides() -> pa.Table:
    return simulate(date(2019, 9, 2), 28, 300, seed=7)


@pytest.fixture(scope="module")
def trained(rides: pa.Table) -> model.SeatModel:
    return model.train(rides, seed=7)


def test_the_model_is_far_better_than_the_mean(rides: pa.Table) -> None:
    truth = rides[TARGET].to_numpy()
    error = model.mean_error(model.cross_predicted(rides, seed=7))
    assert error < 0.4 * np.abs(truth - truth.mean()).mean()


def test_cross_predictions_promise_no_more_than_days_to_come_keep(
    rides: pa.Table, trained: model.SeatModel
) -> None:
    later = simulate(date(2019, 9, 30), 14, 300, seed=7)
    promised = model.mean_error(model.cross_predicted(rides, seed=7))
    assert promised == pytest.approx(model.mean_error(model.predicted(later, trained)), rel=0.25)
    assert model.mean_error(model.predicted(rides, trained)) < promised


def test_missing_values_and_unknown_categories_are_predicted_too(trained: model.SeatModel) -> None:
    columns: dict[str, list[object]] = {name: [None] for name in FEATURES}
    assert trained.predict(columns).shape == (1,)
    assert trained.predict(columns | {"stop": ["Atlantis"]}) == trained.predict(columns)


def test_text_in_a_column_of_numbers_is_an_error_that_names_it(trained: model.SeatModel) -> None:
    columns: dict[str, list[object]] = {name: [None] for name in FEATURES}
    with pytest.raises(ValueError, match="delay_s"):
        trained.predict(columns | {"delay_s": ["late"]})


def test_the_newest_version_of_a_repository_is_read_back(
    tmp_path: Path, rides: pa.Table, trained: model.SeatModel
) -> None:
    model.save(trained, tmp_path, version=9)
    model.save(trained, tmp_path, version=10)
    version, read = model.newest(tmp_path)
    features = model.encode_table(rides.slice(0, 50))
    assert version == 10
    assert np.array_equal(read.predict_encoded(features), trained.predict_encoded(features))


def test_an_empty_repository_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no model"):
        model.newest(tmp_path)
