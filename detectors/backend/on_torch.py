"""The kernels in PyTorch, on a CUDA device or on the processor."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from detectors.backend.kernels import Array
from detectors.scorers.trees import Trees


@dataclass(frozen=True, slots=True)
class TorchBackend:
    """device: "cuda", "cuda:1", "cpu". Raises RuntimeError where PyTorch has no such device."""

    device: str

    def __post_init__(self) -> None:
        torch.empty(0, device=self.device)

    @property
    def name(self) -> str:
        return f"torch:{self.device}"

    @property
    def out_of_memory(self) -> tuple[type[Exception], ...]:
        return (torch.OutOfMemoryError,)

    def put(self, array: NDArray[Any], /) -> Array:
        # A copy on the processor too: PyTorch would otherwise write where NumPy must not.
        return torch.asarray(np.ascontiguousarray(array), device=self.device, copy=True)

    def get(self, array: Array, /) -> NDArray[Any]:
        values: NDArray[Any] = array.cpu().numpy()
        return values

    def release(self) -> None:
        if self.device.startswith("cuda"):
            torch.cuda.empty_cache()

    def place(self, values: Array, cuts: Array, /) -> Array:
        return torch.searchsorted(cuts, values, out_int32=True)

    def take(self, tables: Array, places: Array, /) -> Array:
        return torch.gather(tables, 1, places.long())

    def count(self, places: Array, /, *, n_places: int) -> Array:
        n_columns = places.shape[0]
        starts = torch.arange(n_columns, device=places.device)[:, None] * n_places
        counts = torch.bincount((places + starts).ravel(), minlength=n_columns * n_places)
        return counts.reshape(n_columns, n_places)

    def moments(
        self, values: Array, /, *, centre: Array, scale: Array, largest: float, resolution: Array
    ) -> Array:
        z = ((values - centre[:, None]) * scale[:, None]).clamp(-largest, largest)
        z = torch.where(torch.isfinite(values), z, 0.0)
        powers = (z * resolution[0], z * z * resolution[1])
        return torch.stack([p.round().long().sum(dim=1) for p in powers], dim=1)

    def product(self, left: Array, right: Array, /) -> Array:
        return torch.matmul(left, right)

    def squared_distances(self, left: Array, right: Array, /) -> Array:
        norms = torch.square(left).sum(dim=1)[:, None] + torch.square(right).sum(dim=1)
        return (norms - 2 * torch.matmul(left, right.T)).clamp(min=0)

    def gaussians(self, left: Array, right: Array, /) -> Array:
        return self.squared_distances(left, right).div_(-2).exp_()

    def sum_of_trees(self, trees: Trees, features: Array, /) -> Array:
        feature, left, right = (
            self.put(a).long() for a in (trees.feature, trees.left, trees.right)
        )
        threshold, value = self.put(trees.threshold), self.put(trees.value)
        features, rows = features.int(), torch.arange(features.shape[1], device=features.device)
        nodes = self.put(trees.roots).long()[:, None].expand(-1, len(rows))
        for _ in range(_depth(trees)):
            goes_left = features[feature[nodes], rows] <= threshold[nodes]
            nodes = torch.where(goes_left, left[nodes], right[nodes])
        return value[nodes].sum(dim=0) + trees.base


def _depth(trees: Trees) -> int:
    """Steps from a root to the farthest leaf."""
    nodes, depth = np.unique(trees.roots), 0
    while (inner := nodes[trees.left[nodes] != nodes]).size:
        nodes, depth = np.unique(np.append(trees.left[inner], trees.right[inner])), depth + 1
    return depth
