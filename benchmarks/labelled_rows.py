"""Rows of which it is known whether they are outliers, simulated and of scikit-learn's own data."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_digits

from detectors.columns import ColumnType, Field, Floats, Rows

D: Final = 20
N_FITTED, N_CALIBRATION, N_USUAL, N_OUTLIERS = 2_000, 2_000, 900, 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """fitted, calibration: without outliers. is_outlier: (rows,) of those that are mixed."""

    schema: tuple[Field, ...]
    fitted: Rows
    calibration: Rows
    mixed: Rows
    is_outlier: NDArray[np.bool_]


Source = Callable[[np.random.Generator], Labelled]


def shifted(rng: np.random.Generator) -> Labelled:
    """Correlated by a half; an outlier is 5 standard deviations off in three columns."""

    def outliers(n: int) -> Floats:
        values = _of_factor(rng, n)
        where = np.argsort(rng.random((n, D)), axis=1)[:, :3]
        signs = rng.choice([-5.0, 5.0], size=where.shape)
        np.put_along_axis(values, where, np.take_along_axis(values, where, 1) + signs, 1)
        return values

    return _simulated(lambda n: _of_factor(rng, n), outliers)


def uncorrelated(rng: np.random.Generator) -> Labelled:
    """Correlated by a half; an outlier is usual in each column and correlated in none."""
    return _simulated(lambda n: _of_factor(rng, n), lambda n: rng.normal(size=(n, D)))


def between(rng: np.random.Generator) -> Labelled:
    """Three clusters; an outlier lies half way between two of them."""
    centres = 3 * rng.normal(size=(3, D))

    def cluster(n: int) -> Floats:
        values: Floats = centres[rng.integers(3, size=n)] + rng.normal(size=(n, D))
        return values

    def outliers(n: int) -> Floats:
        first = rng.integers(3, size=n)
        second = (first + rng.integers(1, 3, size=n)) % 3
        values: Floats = (centres[first] + centres[second]) / 2 + rng.normal(size=(n, D))
        return values

    return _simulated(cluster, outliers)


def wild(rng: np.random.Generator) -> Labelled:
    """Lognormal; an outlier's columns are all spread half as much again, on the log scale."""
    return _simulated(
        lambda n: np.exp(rng.normal(size=(n, D))), lambda n: np.exp(1.5 * rng.normal(size=(n, D)))
    )


def tumours(rng: np.random.Generator) -> Labelled:
    """Wisconsin's breast tumours; the malignant ones are outliers among the benign."""
    data = load_breast_cancer()
    return _split(rng, data.data[data.target == 1], data.data[data.target == 0], n_outliers=40)


def digits(rng: np.random.Generator) -> Labelled:
    """Handwritten digits of 8 × 8 pixels; an outlier is one of them on its side."""
    images = rng.permutation(load_digits().images)
    turned = np.rot90(images[:150], axes=(1, 2)).reshape(150, -1)
    return _split(rng, images[150:].reshape(-1, 64), turned, n_outliers=100)


DATA: Final[dict[str, Source]] = {
    "shifted in 3 of 20 columns": shifted,
    "no longer correlated": uncorrelated,
    "between clusters": between,
    "of wider spread": wild,
    "malignant among benign tumours": tumours,
    "digits on their side": digits,
}


def _of_factor(rng: np.random.Generator, n: int) -> Floats:
    values: Floats = np.sqrt(0.5) * (rng.normal(size=(n, D)) + rng.normal(size=(n, 1)))
    return values


def _simulated(usual: Callable[[int], Floats], outliers: Callable[[int], Floats]) -> Labelled:
    mixed = np.concatenate([usual(N_USUAL), outliers(N_OUTLIERS)])
    return _labelled(usual(N_FITTED), usual(N_CALIBRATION), mixed, n_outliers=N_OUTLIERS)


def _split(
    rng: np.random.Generator, usual: Floats, outliers: Floats, *, n_outliers: int
) -> Labelled:
    """A third of the usual rows each to fit, to calibrate, and to mix outliers into."""
    fitted, calibration, rest = np.array_split(rng.permutation(usual), 3)
    some = rng.permutation(outliers)[:n_outliers]
    return _labelled(fitted, calibration, np.concatenate([rest, some]), n_outliers=n_outliers)


def _labelled(fitted: Floats, calibration: Floats, mixed: Floats, *, n_outliers: int) -> Labelled:
    return Labelled(
        schema=tuple(Field(f"x{i}", ColumnType.FLOAT) for i in range(mixed.shape[1])),
        fitted=_rows(fitted),
        calibration=_rows(calibration),
        mixed=_rows(mixed),
        is_outlier=np.arange(len(mixed)) >= len(mixed) - n_outliers,
    )


def _rows(values: Floats) -> Rows:
    return Rows({f"x{i}": column for i, column in enumerate(values.T.copy())}, len(values))
