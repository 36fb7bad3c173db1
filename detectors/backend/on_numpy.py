"""The kernels in NumPy: what every other backend is compared with."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.columns import Counts, Floats
from detectors.scorers.trees import Features, Trees


@dataclass(frozen=True, slots=True)
class NumpyBackend:
    """The processor, on one thread but for matrix products."""

    name: str = "numpy"
    out_of_memory: tuple[type[Exception], ...] = (MemoryError,)

    def put(self, array: NDArray[Any], /) -> NDArray[Any]:
        return array

    def get(self, array: NDArray[Any], /) -> NDArray[Any]:
        return array

    def release(self) -> None:
        """There is nothing that NumPy keeps."""

    def place(self, values: NDArray[Any], cuts: NDArray[Any], /) -> NDArray[np.int32]:
        places = np.empty(values.shape, dtype=np.int32)
        for row, column, column_cuts in zip(places, values, cuts, strict=True):
            row[:] = np.searchsorted(column_cuts, column, side="left")
        return places

    def take(self, tables: NDArray[Any], places: NDArray[Any], /) -> NDArray[Any]:
        return np.take_along_axis(tables, places, axis=1)

    def count(self, places: NDArray[Any], /, *, n_places: int) -> Counts:
        counts = [np.bincount(column, minlength=n_places) for column in places]
        return np.array(counts, dtype=np.int64).reshape(-1, n_places)

    def moments(
        self,
        values: Floats,
        /,
        *,
        centre: Floats,
        scale: Floats,
        largest: float,
        resolution: Floats,
    ) -> Counts:
        with np.errstate(over="ignore", invalid="ignore"):  # clipped and left out below
            z = (values - centre[:, None]) * scale[:, None]
        z = np.where(np.isfinite(values), np.clip(z, -largest, largest), 0.0)
        powers = (z * resolution[0], z * z * resolution[1])
        return np.stack([np.rint(p).astype(np.int64).sum(axis=1) for p in powers], axis=1)

    def product(self, left: NDArray[Any], right: NDArray[Any], /) -> NDArray[Any]:
        product: NDArray[Any] = left @ right
        return product

    def squared_distances(self, left: NDArray[Any], right: NDArray[Any], /) -> NDArray[Any]:
        norms = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1)
        squares: NDArray[Any] = np.maximum(norms - 2 * (left @ right.T), 0)
        return squares

    def gaussians(self, left: NDArray[Any], right: NDArray[Any], /) -> NDArray[Any]:
        gaussians: NDArray[Any] = np.exp(self.squared_distances(left, right) / -2)
        return gaussians

    def sum_of_trees(self, trees: Trees, features: Features, /) -> Floats:
        return trees.predict(features)
