"""The seam between what is computed and the device that computes it."""

from typing import Any, Protocol

from numpy.typing import NDArray

from detectors.scorers.trees import Trees

Array = Any
"""An array on a backend's own device: what its `put` or a kernel of it returned."""

TOLERANCE = {"float32": 1e-5, "float64": 1e-12}
"""By type, relative to the sum of the magnitudes that went into a number."""


class Backend(Protocol):
    """The few kernels that all work on rows is made of.

    An array crosses between the host's memory and the device in `put` and in `get`, nowhere else:
    a kernel that is handed an array from elsewhere raises. Whole numbers are the same on every
    backend; floats agree within `TOLERANCE`, and exactly where every partial sum is representable.
    """

    @property
    def name(self) -> str:
        """Where the work is done: "numpy", "torch:cpu", "torch:cuda"."""

    @property
    def out_of_memory(self) -> tuple[type[Exception], ...]:
        """What `put` and the kernels raise where the device's memory does not suffice."""

    def put(self, array: NDArray[Any], /) -> Array:
        """The array on the device, of the same shape and type."""

    def get(self, array: Array, /) -> NDArray[Any]:
        """The array in the host's memory, once all work that it depends on is done."""

    def release(self) -> None:
        """Gives memory that is kept for later arrays back to the device."""

    def place(self, values: Array, cuts: Array, /) -> Array:
        """How many of its column's cuts lie below each value; all of them where it is NaN.

        values: (columns, rows). cuts: (columns, cuts) ascending, of the same type of float;
        `rounded_down` makes float32 ones of float64. Returns (columns, rows) int32.
        """

    def take(self, tables: Array, places: Array, /) -> Array:
        """The entry of each column's own table at each place.

        tables: (columns, entries). places: (columns, rows). Returns (columns, rows).
        """

    def count(self, places: Array, /, *, n_places: int) -> Array:
        """How often each place occurs in each column.

        places: (columns, rows) integers from 0 to n_places - 1. Returns (columns, n_places) int64.
        """

    def moments(
        self, values: Array, /, *, centre: Array, scale: Array, largest: float, resolution: Array
    ) -> Array:
        """Σ z and Σ z² of the finite values, in fixed point, so that sums of sums are exact.

        values: (columns, rows). centre, scale: (columns,) float64. z = (value - centre) · scale,
        clipped to ±largest. resolution: (2,) the numbers that z and z² are multiplied by before
        they are rounded. Returns (columns, 2) int64.
        """

    def product(self, left: Array, right: Array, /) -> Array:
        """The matrix product, in the precision of its arguments, never in less.

        (m, k) and (k, n) -> (m, n).
        """

    def squared_distances(self, left: Array, right: Array, /) -> Array:
        """From each row of one side to each of the other; never below 0.

        (m, d) and (n, d) -> (m, n). What goes into one are both squared norms.
        """

    def gaussians(self, left: Array, right: Array, /) -> Array:
        """exp(-d/2) of the squared distances d. (m, d) and (n, d) -> (m, n)."""

    def sum_of_trees(self, trees: Trees, features: Array, /) -> Array:
        """The sum of the leaves that each row reaches.

        features: (columns, rows) of integers. Returns (rows,) float64.
        """
