"""Lists of numbers in Arrow as a matrix: vector columns, embeddings say.

Arrow's functions are imported where they are used: they take 9 MiB, and the collector of a model
without vectors does without them.
"""

from typing import TYPE_CHECKING, cast

import numpy as np
import pyarrow as pa

from detectors.columns import LARGEST_DIMENSIONS, Floats

if TYPE_CHECKING:
    from numpy.typing import NDArray

VECTOR = pa.list_(pa.float32())


def is_vector(type_: pa.DataType) -> bool:
    """Lists of numbers, of a fixed length or not."""
    types = pa.types
    is_list = types.is_list(type_) or types.is_large_list(type_) or types.is_fixed_size_list(type_)
    return bool(is_list and _is_number(type_.value_type))


def of_length(vectors: pa.Array, dimensions: int) -> tuple[pa.Array, int]:
    """Vectors of another length made null, and how many there were; 0 dimensions are any length
    that can be watched.
    """
    import pyarrow.compute as pc  # noqa: PLC0415 - see the module's docstring

    lengths = pc.list_value_length(vectors)
    fits = pc.equal(lengths, dimensions) if dimensions else _is_watched(lengths)
    n_others = len(vectors) - vectors.null_count - (pc.sum(fits).as_py() or 0)
    if n_others == 0:
        return vectors, 0
    return pc.if_else(fits, vectors, pa.scalar(None, vectors.type)), n_others


def matrix(vectors: pa.Array | pa.ChunkedArray, dimensions: int = 0) -> Floats:
    """(rows, d) of an array that `is_vector`; a vector that is null, or of another length, is NaN.

    0 dimensions are those that most vectors have. Values are 32-bit, unlike other columns'.
    """
    import pyarrow.compute as pc  # noqa: PLC0415 - see the module's docstring

    lists = vectors.cast(VECTOR, safe=False)
    if isinstance(lists, pa.ChunkedArray):
        lists = lists.combine_chunks()
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
    d = dimensions or _commonest(lengths[(lengths > 0) & (lengths <= LARGEST_DIMENSIONS)])
    table = np.full((len(lists), d), np.nan, dtype=np.float32)
    fits = lengths == d
    values = lists.filter(pa.array(fits)).flatten().to_numpy(zero_copy_only=False)
    table[fits] = values.reshape(-1, d)
    return cast("Floats", table)


def _commonest(lengths: "NDArray[np.int32]") -> int:
    """Of several the longest; 1 where there are none, so that a matrix has a column."""
    counts = np.bincount(lengths, minlength=2)
    return max(1, len(counts) - 1 - int(counts[::-1].argmax())) if len(lengths) else 1


def _is_watched(lengths: pa.Array) -> pa.Array:
    import pyarrow.compute as pc  # noqa: PLC0415 - see the module's docstring

    return pc.and_(pc.greater(lengths, 0), pc.less_equal(lengths, LARGEST_DIMENSIONS))


def _is_number(type_: pa.DataType) -> bool:
    return bool(pa.types.is_floating(type_) or pa.types.is_integer(type_))
