"""A vector column as a reference knows it: centre, components and frequencies, and exact sums.

All arithmetic on rows is on integers that 64-bit floats hold exactly, whatever the order of a sum.
So a row's values do not depend on the batch that it came in, nor on the machine, and profiles add.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.artifact import Artifact
from detectors.columns import LARGEST_DIMENSIONS, Counts, Floats
from detectors.median_distance import median_distance
from detectors.vectors.sums import FourierSums, VectorMoments

N_COMPONENTS = 32
"""The covariance is kept along so many principal components: whole up to as many dimensions."""

N_PLANE = 5
"""So many of them become columns, and the distance from their plane another."""

N_FREQUENCIES = 64

LARGEST_SAMPLE, LARGEST_SAMPLE_VALUES, N_FEATURE_ROWS = 20_000, 1 << 21, 5000
"""What is fitted, is on so many vectors and values drawn at random where there are more."""

SMALLEST_SHARE = 1e-6
"""Components with less than this of the first one's standard deviation are rounding."""

# |coordinate| <= 2^22 and |direction| <= 2^16: sums over as many as 2^12 dimensions are below 2^53.
_COORDINATE, _LARGEST_COORDINATE = 2.0**16, 2.0**22
_DIRECTION = 2.0**16
_FREQUENCY, _LARGEST_FREQUENCY = 2.0**13, 2.0**16
# |z| <= 2^6: the squares of 2^31 rows add up to less than 2^63, those of a block to less than 2^53.
_Z, _LARGEST_Z = 2.0**10, 2.0**6
_FEATURE = 2.0**20
_NORM = 2.0**-12

_BLOCK_VALUES = 1 << 19

Vectors = NDArray[np.floating[Any]]
"""(rows, d); a row is missing where a value is not finite as a 32-bit float."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Of some vectors; NaN where they are missing.

    norm: (rows,) length, in steps of 1/4,096 of the reference's median one, so that vectors of
        length 1 all have length 1. components: (rows, k), from the centre, in the vectors' unit.
    residual: (rows,) distance from the plane of the first components.
    sums: (Embedding.n_sums,) of what adds.
    """

    norm: Floats
    components: Floats
    residual: Floats
    sums: Counts


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Embedding:
    """What is fitted on the vectors of a reference.

    centre: (d,) medians. unit: a power of two, in which coordinates are counted.
    directions: (d, k) principal components, times 2^16. scales: (k,) the reference's standard
        deviations along them, above 0.
    frequencies: (d, D) of the Fourier features, times 2^13, per unit. eigenvalues: (2 D,) of the
        reference's covariance of features, as `mmd_fourier_p_value` wants them.
    norm_step: above 0.
    """

    centre: Floats
    unit: float
    directions: Floats
    scales: Floats
    frequencies: Floats
    eigenvalues: Floats
    norm_step: float

    @staticmethod
    def fit(vectors: Vectors, *, rng: np.random.Generator) -> "Embedding":
        """Of any number of vectors, (rows, d), missing ones among them."""
        sample = _sample(_present(vectors)[1], rng)
        centre = np.median(sample, axis=0) if len(sample) else np.zeros(vectors.shape[1])
        unit = _power_of_two(sample - centre)
        coordinates = _coordinates(sample, centre, unit)
        directions = _directions(coordinates)
        frequencies = _frequencies(coordinates / _COORDINATE, rng)
        features = _features(coordinates[:N_FEATURE_ROWS] @ frequencies) / np.sqrt(N_FREQUENCIES)
        median_norm = float(np.median(_norms(sample))) if len(sample) else 0.0
        return Embedding(
            centre=centre,
            unit=unit,
            directions=directions,
            scales=np.sqrt(np.diag(_covariance(coordinates @ directions))) * _scale_of(unit),
            frequencies=frequencies,
            eigenvalues=np.asarray(np.linalg.eigvalsh(_covariance(features))),
            norm_step=_NORM * (median_norm or unit),
        )

    @staticmethod
    def from_artifact(artifact: Artifact) -> "Embedding":
        """Raises ValueError, KeyError or TypeError where the artifact is not a sound embedding."""
        arrays = {name: a.astype(np.float64) for name, a in artifact.arrays.items()}
        unit, norm_step = float(artifact.meta["unit"]), float(artifact.meta["norm_step"])
        embedding = Embedding(
            centre=arrays["centre"],
            unit=unit,
            directions=arrays["directions"],
            scales=arrays["scales"],
            frequencies=arrays["frequencies"],
            eigenvalues=arrays["eigenvalues"],
            norm_step=norm_step,
        )
        _check(embedding)
        return embedding

    def to_artifact(self) -> Artifact:
        return Artifact(
            meta={"unit": self.unit, "norm_step": self.norm_step},
            arrays={
                "centre": self.centre,
                "directions": self.directions.astype(np.int32),
                "scales": self.scales,
                "frequencies": self.frequencies.astype(np.int32),
                "eigenvalues": self.eigenvalues,
            },
        )

    @property
    def d(self) -> int:
        return len(self.centre)

    @property
    def k(self) -> int:
        return len(self.scales)

    @property
    def n_sums(self) -> int:
        return 1 + self.k + self.k * (self.k + 1) // 2 + 2 * N_FREQUENCIES

    def measure(self, vectors: Vectors) -> Measured:
        """(rows, d) -> what is known of each vector, and what adds over all of them."""
        size = max(1, _BLOCK_VALUES // self.d)
        starts = range(0, max(1, len(vectors)), size)
        return _joined([self._measure(vectors[i : i + size]) for i in starts])

    def moments(self, sums: Counts) -> VectorMoments:
        """Along the components, in the vectors' unit; a component beyond 64 of its scales counts
        as there.
        """
        n, z = int(sums[0]), sums[1 : 1 + self.k] / _Z
        upper = sums[1 + self.k : self.n_sums - 2 * N_FREQUENCIES] / _Z**2
        squares = np.zeros((self.k, self.k))
        squares[np.triu_indices(self.k)] = upper
        squares = squares + np.triu(squares, k=1).T
        mean = z / n if n else np.full(self.k, np.nan)
        covariance = (squares - n * np.outer(mean, mean)) / (n - 1) if n > 1 else squares * np.nan
        return VectorMoments(
            n=n,
            mean=mean * self.scales,
            covariance=covariance * np.outer(self.scales, self.scales),
        )

    def fourier(self, sums: Counts) -> FourierSums:
        return FourierSums(n=int(sums[0]), sums=sums[-2 * N_FREQUENCIES :] / _FEATURE)

    def could_sum_to(self, sums: Counts, *, n: int) -> bool:
        """Whether `sums`, (n_sums,), can be those of at most n vectors."""
        n_vectors = int(sums[0])
        largest = np.full(self.n_sums, _LARGEST_Z**2 * _Z**2)
        largest[1 : 1 + self.k] = _LARGEST_Z * _Z
        largest[-2 * N_FREQUENCIES :] = _FEATURE
        fits = np.abs(sums[1:].astype(np.float64)) <= largest[1:] * n_vectors
        return 0 <= n_vectors <= n and bool(fits.all())

    def _measure(self, vectors: Vectors) -> Measured:
        where, present = _present(vectors)
        coordinates = _coordinates(present, self.centre, self.unit)
        projected = coordinates @ self.directions
        components = projected * _scale_of(self.unit)
        z = np.rint(np.clip(components / self.scales, -_LARGEST_Z, _LARGEST_Z) * _Z)
        features = np.rint(_features(coordinates @ self.frequencies) * _FEATURE)
        parts = [z.sum(axis=0), (z.T @ z)[np.triu_indices(self.k)], features.sum(axis=0)]
        plane = components[:, :N_PLANE]
        squares = (coordinates**2).sum(axis=1) * (self.unit / _COORDINATE) ** 2
        beyond = np.maximum(squares - (plane**2).sum(axis=1), 0)
        return Measured(
            norm=_scattered(np.rint(_norms(present) / self.norm_step) * self.norm_step, where),
            components=_scattered(components, where),
            residual=_scattered(np.sqrt(beyond), where),
            sums=np.concatenate([[len(present)], *parts]).astype(np.int64),
        )


def _present(vectors: Vectors) -> tuple[NDArray[np.bool_], Floats]:
    """Which rows are there, (rows,), and those as 64-bit floats."""
    with np.errstate(over="ignore"):  # beyond the largest 32-bit float lies infinity: missing
        values = np.asarray(vectors, dtype=np.float32)
    where = np.asarray(np.isfinite(values).all(axis=1))
    return where, values[where].astype(np.float64)


def _sample(vectors: Floats, rng: np.random.Generator) -> Floats:
    n = min(LARGEST_SAMPLE, max(2, LARGEST_SAMPLE_VALUES // max(1, vectors.shape[1])))
    return vectors[np.sort(rng.permutation(len(vectors))[:n])]


def _power_of_two(deviations: Floats) -> float:
    """At least the typical vector's root mean square coordinate, at most twice that.

    A coordinate of a typical vector of 4,096 dimensions is then at most 64 units.
    """
    sizes = np.sqrt((deviations**2).mean(axis=1)) if deviations.size else np.zeros(1)
    typical = float(np.median(sizes)) or float(sizes.mean()) or 1.0
    return float(2.0 ** np.ceil(np.log2(typical)))


def _coordinates(vectors: Floats, centre: Floats, unit: float) -> Floats:
    """(rows, d) whole numbers: distances from the centre in 2^-16 of a unit, at most 64 units."""
    counted = np.rint((vectors - centre) * (_COORDINATE / unit))
    return np.clip(counted, -_LARGEST_COORDINATE, _LARGEST_COORDINATE, out=counted)


def _scale_of(unit: float) -> float:
    """What one of a product of coordinates and directions is, in the vectors' unit."""
    return unit / (_COORDINATE * _DIRECTION)


def _directions(coordinates: Floats) -> Floats:
    """(d, k) whole numbers: the first principal components, times 2^16; the sign is fixed."""
    n, d = coordinates.shape
    if n < 2 or not coordinates.any():
        return np.empty((d, 0))
    centred = coordinates - coordinates.mean(axis=0)
    if n < d:  # the components of few vectors are found among combinations of these
        values, combinations = np.linalg.eigh(centred @ centred.T)
        values, vectors = values[::-1], centred.T @ combinations[:, ::-1]
    else:
        values, vectors = np.linalg.eigh(centred.T @ centred)
        values, vectors = values[::-1], vectors[:, ::-1]
    kept = values[:N_COMPONENTS] > values[0] * SMALLEST_SHARE**2
    vectors = vectors[:, : len(kept)][:, kept]
    largest = vectors[np.abs(vectors).argmax(axis=0), np.arange(vectors.shape[1])]
    unit_vectors = vectors / np.linalg.norm(vectors, axis=0) * np.sign(largest)
    return np.asarray(np.rint(unit_vectors * _DIRECTION))


def _frequencies(coordinates: Floats, rng: np.random.Generator) -> Floats:
    """(d, D) whole numbers: normal, with one over the median distance for standard deviation."""
    bandwidth = median_distance(coordinates, rng)
    drawn = rng.normal(size=(coordinates.shape[1], N_FREQUENCIES)) / bandwidth
    return np.rint(np.clip(drawn * _FREQUENCY, -_LARGEST_FREQUENCY, _LARGEST_FREQUENCY))


def _features(products: Floats) -> Floats:
    """(rows, D) products of coordinates and frequencies -> (rows, 2 D) cosines and sines."""
    phases = products / (_COORDINATE * _FREQUENCY)
    return np.concatenate([np.cos(phases), np.sin(phases)], axis=1)


def _covariance(rows: Floats) -> Floats:
    """(c, c) of (rows, c); zero with fewer than two rows."""
    centred = rows - rows.mean(axis=0) if len(rows) else rows
    return np.asarray(centred.T @ centred / max(1, len(rows) - 1))


def _norms(vectors: Floats) -> Floats:
    norms: Floats = np.sqrt((vectors**2).sum(axis=1))
    return norms


def _scattered(values: Floats, where: NDArray[np.bool_]) -> Floats:
    """Values of the rows that are there, NaN for the others."""
    scattered = np.full((len(where), *values.shape[1:]), np.nan)
    scattered[where] = values
    return scattered


def _joined(parts: Sequence[Measured]) -> Measured:
    return Measured(
        norm=np.concatenate([part.norm for part in parts]),
        components=np.concatenate([part.components for part in parts]),
        residual=np.concatenate([part.residual for part in parts]),
        sums=np.sum([part.sums for part in parts], axis=0),
    )


def _check(embedding: Embedding) -> None:
    """Raises ValueError where the arrays do not fit together or hold impossible numbers."""
    d, k = embedding.centre.shape[0], embedding.scales.shape[0]
    shapes = (embedding.directions.shape, embedding.frequencies.shape, embedding.eigenvalues.shape)
    if (
        shapes != ((d, k), (d, N_FREQUENCIES), (2 * N_FREQUENCIES,))
        or not 1 <= d <= LARGEST_DIMENSIONS
    ):
        raise ValueError(f"an embedding of {d} dimensions has arrays of shapes {shapes}")
    finite = (embedding.centre, embedding.scales, embedding.eigenvalues)
    if not all(np.isfinite(array).all() for array in finite):
        raise ValueError("an embedding holds a number that is not finite")
    positive = (embedding.unit, embedding.norm_step, *embedding.scales)
    if not all(0 < number < np.inf for number in positive) or k > N_COMPONENTS:
        raise ValueError("an embedding's scales must be above 0")
    if np.abs(embedding.directions).max(initial=0) > _DIRECTION:
        raise ValueError("an embedding's directions are too large")
    if np.abs(embedding.frequencies).max(initial=0) > _LARGEST_FREQUENCY:
        raise ValueError("an embedding's frequencies are too large")
