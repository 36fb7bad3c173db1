"""How badly a small neural network, trained on the reference, reconstructs a row.

Hawkins, He, Williams, Baxter: Outlier detection using replicator neural networks. DaWaK 2002.
Trained by PyTorch, an optional dependency; evaluated here, without it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from detectors.artifact import Artifact, combined, parts_of
from detectors.bins import ReferenceColumn
from detectors.columns import Floats
from detectors.scorers.coordinates import (
    Coordinates,
    Points,
    check_matrix,
    check_width,
    clipped,
)
from detectors.scorers.placed import PlacedRows

N_TRAINING = 20_000
N_STEPS = 600
BATCH_ROWS = 256
LARGEST_INPUT = 8.0
"""Farther out the network only sees that a value is far; its error still says how far."""

_WEIGHT_STEPS, _LARGEST_WEIGHT = 2.0**16, 2.0**6


@dataclass(frozen=True, slots=True, eq=False)
class Autoencoder:
    """The squared distance between a row and what the network makes of it.

    weights, biases: of each layer, (outputs, inputs) and (outputs, 1); the layers but the last
        are followed by max(0, x). What a layer computes is rounded to 1/256, and weights to
        2^-16, so that all sums are exact and a row's score does not depend on its batch.
    """

    coordinates: Coordinates
    weights: tuple[Floats, ...]
    biases: tuple[Floats, ...]

    @staticmethod
    def fit(
        rows: PlacedRows, columns: Sequence[ReferenceColumn], *, rng: np.random.Generator
    ) -> "Autoencoder":
        """Trains on at most 20,000 rows. Raises ValueError for too many columns, and
        ImportError where PyTorch is not installed."""
        coordinates = Coordinates.fit(rows.places, columns)
        check_width(coordinates)
        chosen = rng.permutation(rows.n)[:N_TRAINING]
        points = _inputs(coordinates.of(rows.at(chosen)))
        layers = _trained(points, _widths(len(coordinates)), rng)
        return Autoencoder(
            coordinates,
            tuple(_rounded(w) for w, _ in layers),
            tuple(_rounded(b) for _, b in layers),
        )

    @staticmethod
    def from_artifact(artifact: Artifact, columns: Sequence[ReferenceColumn]) -> "Autoencoder":
        """Raises ValueError or KeyError where the artifact is not a sound scorer."""
        parts = parts_of(artifact)
        coordinates = Coordinates.from_artifact(parts["coordinates"], columns)
        arrays, widths = parts["network"].arrays, _widths(len(coordinates))
        shapes = list(zip(widths[1:], widths[:-1], strict=True))
        weights = [check_matrix(arrays[f"weight_{i}"], s) for i, s in enumerate(shapes)]
        biases = [check_matrix(arrays[f"bias_{i}"], (s[0], 1)) for i, s in enumerate(shapes)]
        return Autoencoder(coordinates, tuple(weights), tuple(biases))

    def to_artifact(self) -> Artifact:
        arrays = {f"weight_{i}": weight for i, weight in enumerate(self.weights)}
        arrays |= {f"bias_{i}": bias for i, bias in enumerate(self.biases)}
        network = Artifact({}, arrays)
        return combined({"coordinates": self.coordinates.to_artifact(), "network": network})

    def score(self, rows: PlacedRows) -> Floats:
        """(rows,) the squared distance from the reconstruction."""
        score: Floats = self._terms(rows).sum(axis=0)
        return score

    def contributions(self, rows: PlacedRows) -> Floats:
        """(rows, columns) what each column adds to a row's score."""
        return self.coordinates.by_column(self._terms(rows), len(rows.places))

    def _terms(self, rows: PlacedRows) -> Floats:
        points = self.coordinates.of(rows)
        return (points - self._reconstructed(_inputs(points))) ** 2

    def _reconstructed(self, points: Points) -> Floats:
        signal = points
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            signal = clipped(weight @ signal + bias)
            if i < len(self.weights) - 1:
                signal = np.maximum(signal, 0.0)
        return signal


def _widths(n_columns: int) -> tuple[int, ...]:
    """Of the layers: in, out to twice as many, through half as many, and back."""
    wide, narrow = min(max(16, 2 * n_columns), 256), max(1, min(n_columns // 2, 64))
    return n_columns, wide, narrow, wide, n_columns


def _inputs(points: Points) -> Points:
    return np.clip(points, -LARGEST_INPUT, LARGEST_INPUT)


def _rounded(weights: Floats) -> Floats:
    limited = np.clip(np.nan_to_num(weights), -_LARGEST_WEIGHT, _LARGEST_WEIGHT)
    return np.asarray(np.rint(limited * _WEIGHT_STEPS) / _WEIGHT_STEPS)


def _trained(
    points: Points, widths: Sequence[int], rng: np.random.Generator
) -> list[tuple[Floats, Floats]]:
    """Each layer's weights, (outputs, inputs), and biases, (outputs, 1)."""
    import torch  # noqa: PLC0415  # optional, large, and needed for training only

    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)  # more would wait for one another: the matrices are small
    try:
        generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
        parameters = [
            torch.randn(shape, generator=generator).mul(scale).requires_grad_()
            for n_in, n_out in pairwise(widths)
            for shape, scale in (((n_out, n_in), (2 / n_in) ** 0.5), ((n_out, 1), 0.0))
        ]
        _train(parameters, torch.from_numpy(points.astype(np.float32)), generator)
    finally:
        torch.set_num_threads(n_threads)
    found = [parameter.detach().numpy().astype(np.float64) for parameter in parameters]
    return list(zip(found[::2], found[1::2], strict=True))


def _train(parameters: Sequence[Any], data: Any, generator: Any) -> None:
    import torch  # noqa: PLC0415

    optimiser = torch.optim.Adam(parameters, lr=3e-3)
    for _ in range(N_STEPS):
        batch = data[:, torch.randint(data.shape[1], (BATCH_ROWS,), generator=generator)]
        loss = ((_forward(parameters, batch) - batch) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def _forward(parameters: Sequence[Any], signal: Any) -> Any:
    last = len(parameters) - 2
    for i in range(0, len(parameters), 2):
        signal = parameters[i] @ signal + parameters[i + 1]
        if i < last:
            signal = signal.relu()
    return signal
