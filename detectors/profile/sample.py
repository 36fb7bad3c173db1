"""A bounded, uniform sample of rows that can be merged: priority sampling.

Every row has a key, a hash of its prediction's id, and a sample is the rows with the smallest
keys (Duffield, Lund, Thorup: Priority sampling for estimation of arbitrary subset sums. Journal
of the ACM 54, 2007, article 32). So the same rows are chosen however they are split and in
whatever order they arrive, and a row that is seen twice is in the sample once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from detectors.artifact import Arrays
from detectors.bins import FIRST_LEVEL, MISSING, OTHER, UNSEEN, CategoryColumn, ReferenceColumn
from detectors.columns import Coded, Column, Floats, Rows, rows_at

Keys = NDArray[np.uint32]
Singles = NDArray[np.float32]

_SHIFT = np.uint32(15)
_MULTIPLIER = np.uint32(0x9E3779B1)  # 2^32 over the golden ratio, as in Knuth's multiplicative hash


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleLimits:
    """How many rows, and how many bytes before they are compressed, a sample may have."""

    rows: int = 1_000
    size_bytes: int = 14_336

    def n_rows(self, columns: Sequence[ReferenceColumn]) -> int:
        """So many rows of these columns keep within both."""
        n_categories = sum(isinstance(column, CategoryColumn) for column in columns)
        row_bytes = 4 + 2 * n_categories + 4 * (len(columns) - n_categories)
        return min(self.rows, self.size_bytes // row_bytes)


DEFAULT_LIMITS = SampleLimits()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """Rows of the declared columns of one reference.

    limit: so many rows at most.
    keys: (rows,) increasing.
    numbers: (numeric columns, rows) float32. slots: (category columns, rows) of the levels.
    """

    limit: int
    keys: Keys
    numbers: Singles
    slots: NDArray[np.uint16]

    @staticmethod
    def empty(columns: Sequence[ReferenceColumn], limit: int) -> "Sample":
        n_categories = sum(isinstance(column, CategoryColumn) for column in columns)
        return Sample(
            limit=limit,
            keys=np.empty(0, np.uint32),
            numbers=np.empty((len(columns) - n_categories, 0), np.float32),
            slots=np.empty((n_categories, 0), np.uint16),
        )

    @staticmethod
    def of(rows: Rows, keys: Keys, columns: Sequence[ReferenceColumn], limit: int) -> "Sample":
        """keys: (rows,) one for each."""

        def contents(where: NDArray[np.intp]) -> Keys:
            return _absorbed(*_words(rows_at(rows, where), columns))

        chosen = _chosen(keys, contents, limit)
        numbers, slots = _words(rows_at(rows, chosen), columns)
        return Sample(
            limit=limit,
            keys=keys[chosen],
            numbers=np.array(numbers, np.float32).reshape(len(numbers), len(chosen)),
            slots=np.array(slots, np.uint16).reshape(len(slots), len(chosen)),
        )

    def __len__(self) -> int:
        return len(self.keys)

    def __add__(self, other: "Sample") -> "Sample":
        keys = np.append(self.keys, other.keys)
        numbers = np.concatenate([self.numbers, other.numbers], axis=1)
        slots = np.concatenate([self.slots, other.slots], axis=1)

        def contents(where: NDArray[np.intp]) -> Keys:
            return _absorbed(list(numbers[:, where]), list(slots[:, where]))

        chosen = _chosen(keys, contents, self.limit)
        return Sample(
            limit=self.limit,
            keys=keys[chosen],
            numbers=numbers[:, chosen],
            slots=slots[:, chosen],
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sample):
            return NotImplemented
        return (
            np.array_equal(self.keys, other.keys)
            and np.array_equal(self.numbers, other.numbers, equal_nan=True)
            and np.array_equal(self.slots, other.slots)
        )

    __hash__ = None  # type: ignore[assignment]  # its arrays have no hash

    def rows(self, columns: Sequence[ReferenceColumn]) -> Rows:
        """The rows, in the order of their keys, of the columns that they were sampled from.

        A level that has no slot of its own is another one of which the same is true.
        """
        numbers, slots = iter(self.numbers), iter(self.slots)
        found: dict[str, Column] = {}
        for column in columns:
            if isinstance(column, CategoryColumn):
                found[column.field.name] = _coded(column, next(slots))
            else:
                found[column.field.name] = next(numbers).astype(np.float64)
        return Rows(found, len(self))


def keys_of_ids(ids: Sequence[str]) -> Keys:
    """(rows,) a key for each prediction id: whatever the ids are like, the keys are uniform."""
    hashes = (crc32(one.encode(errors="surrogatepass")) for one in ids)
    return _mixed(np.fromiter(hashes, np.uint32, len(ids)))


def keys_of_rows(
    rows: Rows, columns: Sequence[ReferenceColumn], *, times: Floats | None = None
) -> Keys:
    """(rows,) keys for rows without ids: of their values, as float32, and of their times.

    Rows that are alike in all of this have the same key, and count as one row in a sample.
    """
    keys = _absorbed(*_words(rows, columns))
    if times is not None:
        for word in times.astype(np.float64).view(np.uint32).reshape(-1, 2).T:
            _absorb(keys, word, np.empty_like(keys))
    return _mixed(keys)


def _words(
    rows: Rows, columns: Sequence[ReferenceColumn]
) -> tuple[list[Singles], list[NDArray[np.uint16]]]:
    """The values of every numeric column, and the slots of every category column."""
    numbers, slots = [], []
    with np.errstate(over="ignore"):  # beyond float32 lies infinity
        for column in columns:
            values = rows.columns.get(column.field.name)
            if isinstance(column, CategoryColumn):
                slots.append(_slots(column, values, rows.n))
            else:
                numbers.append(_numbers(values, rows.n))
    return numbers, slots


def _absorbed(numbers: Sequence[Singles], slots: Sequence[NDArray[np.uint16]]) -> Keys:
    """(rows,) a hash of each row's values; there is at least one column."""
    words = [column.view(np.uint32) for column in numbers]
    words += [column.astype(np.uint32) for column in slots]
    keys = np.zeros(len(words[0]), dtype=np.uint32)
    memory = np.empty_like(keys)
    for word in words:
        _absorb(keys, word, memory)
    return keys


def _absorb(keys: Keys, words: NDArray[np.uint32], memory: Keys) -> None:
    np.bitwise_xor(keys, words, out=keys)
    np.multiply(keys, _MULTIPLIER, out=keys)
    np.right_shift(keys, _SHIFT, out=memory)
    np.bitwise_xor(keys, memory, out=keys)


def _mixed(keys: Keys) -> Keys:
    """The same keys in an order that looks random: MurmurHash3's finalizer, a permutation."""
    keys = keys ^ (keys >> np.uint32(16))
    keys *= np.uint32(0x85EBCA6B)
    keys ^= keys >> np.uint32(13)
    keys *= np.uint32(0xC2B2AE35)
    keys ^= keys >> np.uint32(16)
    return keys


def _chosen(
    keys: Keys, contents: Callable[[NDArray[np.intp]], Keys], limit: int
) -> NDArray[np.intp]:
    """Where the `limit` smallest different keys are, in increasing order.

    contents: hashes of the rows at some positions. Of rows that share a key, the one whose
    content's hash is smallest is chosen, which does not depend on which of them came first.
    """
    likely = _likely(keys, limit)
    found = keys[likely]
    order = np.argsort(found, kind="stable")
    if (np.diff(found[order]) == 0).any():
        order = np.lexsort((contents(likely), found))
    is_first = np.diff(found[order], prepend=found[order][:1] + np.uint32(1)) != 0
    chosen: NDArray[np.intp] = likely[order[is_first][:limit]]
    return chosen


def _likely(keys: Keys, limit: int) -> NDArray[np.intp]:
    """Positions among which the smallest keys are: few, where keys are many and uniform."""
    if len(keys) > 8 * limit:
        bound = np.uint32(min(2**32 - 1, 2**32 * (2 * limit + 100) // len(keys)))
        few = np.flatnonzero(keys <= bound)
        if len(np.unique(keys[few])) >= limit:
            return few
    return np.arange(len(keys))


def _numbers(values: Column | None, n: int) -> Singles:
    if values is None or isinstance(values, Coded):
        return np.full(n, np.nan, dtype=np.float32)
    return values.astype(np.float32, copy=False)


def _slots(column: CategoryColumn, values: Column | None, n: int) -> NDArray[np.uint16]:
    if not isinstance(values, Coded):
        return np.zeros(n, dtype=np.uint16)
    return column.place(values).astype(np.uint16)


def _coded(column: CategoryColumn, slots: NDArray[np.uint16]) -> Coded:
    unseen = "unseen"
    while unseen in column.levels or unseen in column.others:
        unseen += "'"
    other = column.others[0] if column.others else unseen
    n = len(column.levels)
    codes = np.arange(-FIRST_LEVEL, n, dtype=np.int32)
    codes[[MISSING, UNSEEN, OTHER]] = -1, n, n + (other != unseen)
    return Coded(codes[slots], tuple(dict.fromkeys([*column.levels, unseen, other])))


def stack_samples(samples: Sequence[Sample]) -> dict[str, NDArray[Any]]:
    """Samples of one reference, at least one, as arrays one after another."""
    return {
        "sample_sizes": np.array([len(sample) for sample in samples], dtype=np.uint32),
        "sample_keys": np.concatenate([sample.keys for sample in samples]),
        "sample_numbers": np.concatenate([sample.numbers for sample in samples], axis=1),
        "sample_slots": np.concatenate([sample.slots for sample in samples], axis=1),
    }


def unstack_samples(arrays: Arrays, columns: Sequence[ReferenceColumn], limit: int) -> list[Sample]:
    """Raises ValueError or KeyError where the arrays are not those of samples of the columns."""
    sizes = arrays["sample_sizes"]
    whole = Sample(
        limit=limit,
        keys=arrays["sample_keys"],
        numbers=arrays["sample_numbers"],
        slots=arrays["sample_slots"],
    )
    _check(whole, sizes, columns)
    ends = np.cumsum(sizes, dtype=np.int64)
    parts = [
        slice(end - size, end) for size, end in zip(sizes.tolist(), ends.tolist(), strict=True)
    ]
    samples = [
        Sample(
            limit=limit,
            keys=whole.keys[part],
            numbers=whole.numbers[:, part],
            slots=whole.slots[:, part],
        )
        for part in parts
    ]
    if any((sample.keys[1:] <= sample.keys[:-1]).any() for sample in samples):
        raise ValueError("the keys of a sample do not increase")
    return samples


def _check(whole: Sample, sizes: NDArray[Any], columns: Sequence[ReferenceColumn]) -> None:
    categories = [column for column in columns if isinstance(column, CategoryColumn)]
    n = int(sizes.sum(dtype=np.uint64))
    if sizes.ndim != 1 or sizes.dtype.kind != "u" or sizes.max(initial=0) > whole.limit:
        raise ValueError("sizes of samples are not sound")
    if whole.keys.shape != (n,) or whole.keys.dtype != np.uint32:
        raise ValueError(f"keys of samples have shape {whole.keys.shape}, expected {n}")
    shapes = (len(columns) - len(categories), n), (len(categories), n)
    if (whole.numbers.shape, whole.slots.shape) != shapes:
        raise ValueError(f"samples have shapes {whole.numbers.shape} and {whole.slots.shape}")
    if whole.numbers.dtype != np.float32 or whole.slots.dtype != np.uint16:
        raise ValueError(f"samples are of {whole.numbers.dtype} and {whole.slots.dtype}")
    n_slots = np.array([[column.n_slots] for column in categories]).reshape(-1, 1)
    if (whole.slots >= n_slots).any():
        raise ValueError("a sample has a level that its column has not")
