import numpy as np
import pytest

from detectors.columns import ColumnType, Field, Role, Rows
from detectors.decision.components import Kind, fit_components
from detectors.profile import count
from detectors.reference import Reference


def test_every_columns_weights_add_up_to_one(reference: Reference) -> None:
    components = fit_components(reference)
    n_columns = len(components.column_indices)
    np.testing.assert_allclose(components.by_column(np.ones(components.weight.size)), 1)
    assert components.by_column(np.ones(components.weight.size)).shape == (n_columns,)


def test_labels_and_realised_errors_decide_nothing() -> None:
    fields = (
        Field("x", ColumnType.FLOAT),
        Field("y", ColumnType.FLOAT, Role.PREDICTION),
        Field("truth", ColumnType.FLOAT, Role.LABEL),
    )
    values = np.random.default_rng(1).normal(size=(3, 200))
    rows = Rows(dict(zip(("x", "y", "truth"), values, strict=True)), 200)
    reference = Reference.fit(rows, fields, prediction="y", label=values[2])
    components = fit_components(reference)
    deciding = [reference.columns[i].field.name for i in components.column_indices]
    assert deciding == ["x", "y", "dm.outlier", "dm.expected_error"]


def test_the_reference_itself_lies_exactly_where_expected(reference: Reference) -> None:
    components = fit_components(reference)
    measured = components.measure(reference.profile.counts)
    np.testing.assert_allclose(measured.values[~components.is_share], 0, atol=1e-9)


def test_components_of_a_sum_of_windows_are_their_weighted_mean(
    reference: Reference, rows: Rows
) -> None:
    components = fit_components(reference)
    whole, part = reference.profile, count(rows, reference)
    a, b = components.measure(whole.counts), components.measure(part.counts)
    both = components.measure((whole + part).counts)
    np.testing.assert_allclose(both.n, a.n + b.n)
    np.testing.assert_allclose(both.values * both.n, a.values * a.n + b.values * b.n, atol=1e-6)


def test_a_stack_of_windows_is_measured_as_they_are_one_by_one(reference: Reference) -> None:
    components = fit_components(reference)
    windows = np.stack([window.counts for window in reference.windows[3600.0]])
    together = components.measure(windows)
    for i, window in enumerate(windows):
        np.testing.assert_allclose(together.values[i], components.measure(window).values)


def test_an_empty_window_has_no_values(reference: Reference) -> None:
    components = fit_components(reference)
    measured = components.measure(np.zeros(reference.n_slots, np.int64))
    assert np.isnan(measured.values).all()
    assert not measured.n.any()


def test_the_smallest_p_of_a_column_pays_for_the_others(reference: Reference) -> None:
    components = fit_components(reference)
    p = np.ones(components.weight.size)
    first = components.kind.tolist().index(Kind.LOCATION)
    p[first] = 1e-6
    smallest = components.smallest_p(p)
    assert smallest[components.column[first]] == pytest.approx(1e-6 / components.weight[first])
    assert np.delete(smallest, components.column[first]).min() == 1.0


def test_a_column_without_p_values_has_none(reference: Reference) -> None:
    components = fit_components(reference)
    assert np.isnan(components.smallest_p(np.full(components.weight.size, np.nan))).all()
