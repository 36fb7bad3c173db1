"""Profiles: what was seen, as counts and sums that add exactly in any order and grouping."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from detectors.artifact import Artifact, ArtifactError, narrowed, pack, unpack
from detectors.bins import LARGEST_FLOAT, NumericColumn, place
from detectors.columns import Coded, Column, Counts, Floats, Rows
from detectors.labels import LabelSums, Task, label_sums, loss

if TYPE_CHECKING:
    from detectors.reference import Reference

LARGEST_Z = 2.0**10
"""Standardised values are clipped here before they are summed."""

# Fixed point: with |z| <= 2^10 the sums of 2^31 rows and more fit into 63 bits.
RESOLUTION = np.array([2.0**20, 2.0**12])

ERROR = "dm.error"
"""The score column that is filled when labels arrive, not when rows do."""

LARGEST_COUNT = 1 << 48
LARGEST_HEADER = 1 << 16

# Small enough for the processor's cache, and for the memory where columns are thousands.
_BATCH_ROWS, _BATCH_VALUES = 1 << 14, 1 << 22


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Profile:
    """The sum of what was seen against one reference; `a + b` is what both saw.

    n: rows. first_time, last_time: epoch seconds of the earliest and latest row, None without.
    counts: (slots,) of all columns of the reference; `reference.part(counts, i)` is column i's.
    sums: (numeric columns, 2) of z and z², in fixed point; z is a finite value's distance from
        the reference's mean in the column's unit, the reference's standard deviation.
        `reference.numeric` lists the columns.
    labels: what the labels said that arrived; `n` does not count them.
    """

    reference_id: str
    n: int
    counts: Counts
    sums: Counts
    first_time: float | None = None
    last_time: float | None = None
    labels: LabelSums = field(default_factory=LabelSums)

    @staticmethod
    def empty(reference: "Reference") -> "Profile":
        return Profile(
            reference_id=reference.id,
            n=0,
            counts=np.zeros(reference.n_slots, dtype=np.int64),
            sums=np.zeros((len(reference.numeric), 2), dtype=np.int64),
        )

    def __add__(self, other: "Profile") -> "Profile":
        if self.reference_id != other.reference_id:
            raise ValueError(f"profiles of {self.reference_id} and {other.reference_id}")
        return Profile(
            reference_id=self.reference_id,
            n=self.n + other.n,
            counts=self.counts + other.counts,
            sums=self.sums + other.sums,
            first_time=_extreme(min, self.first_time, other.first_time),
            last_time=_extreme(max, self.last_time, other.last_time),
            labels=self.labels + other.labels,
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Profile):
            return NotImplemented
        return (
            self.reference_id == other.reference_id
            and _meta(self) == _meta(other)
            and np.array_equal(self.counts, other.counts)
            and np.array_equal(self.sums, other.sums)
        )

    __hash__ = None  # type: ignore[assignment]  # its arrays have no hash

    def to_bytes(self) -> bytes:
        stacked = stack([self])
        meta = {"reference": self.reference_id, **stacked.meta}
        return pack("profile", Artifact(meta, stacked.arrays))

    @staticmethod
    def from_bytes(content: bytes, reference: "Reference") -> "Profile":
        """Raises ArtifactError where the bytes are not a sound profile of this reference."""
        n_numbers = reference.n_slots + 2 * len(reference.numeric)
        artifact = unpack("profile", content, largest_bytes=LARGEST_HEADER + 8 * n_numbers)
        if artifact.meta.get("reference") != reference.id:
            raise ArtifactError(f"profile of {artifact.meta.get('reference')}, not {reference.id}")
        profiles = unstack(artifact, reference)
        if len(profiles) != 1:
            raise ArtifactError(f"{len(profiles)} profiles where one was expected")
        return profiles[0]


def count(rows: Rows, reference: "Reference", *, times: Floats | None = None) -> Profile:
    """The profile of a batch of rows, every score of every row included.

    times: (rows,) epoch seconds. A column that the rows lack counts as missing in all of them.
    Raises ValueError naming a column whose kind is not the declared one.
    """
    size = min(_BATCH_ROWS, max(1, _BATCH_VALUES // len(reference.columns)))
    batches = (rows_at(rows, slice(i, i + size)) for i in range(0, rows.n, size))
    profile = reduce(add, (_count(b, reference) for b in batches), Profile.empty(reference))
    if times is None or not np.isfinite(times).any():
        return profile
    known = times[np.isfinite(times)]
    return replace(profile, first_time=float(known.min()), last_time=float(known.max()))


def count_labels(predictions: Column, labels: Column, reference: "Reference") -> Profile:
    """The profile of labels that arrived: their number, the errors, and the column dm.error.

    predictions, labels: (rows,) of the same rows. A row that lacks either is left out.
    Raises ValueError where the reference names no prediction, or one of another kind.
    """
    unit = reference.error_unit
    _check_kind("predictions", predictions, reference)
    _check_kind("labels", labels, reference)
    losses = loss(predictions, labels)
    known = losses[~np.isnan(losses)]
    nothing_declared = np.zeros(reference.offsets[len(reference.declared)], dtype=np.int64)
    profile = _profile(reference, 0, nothing_declared, {ERROR: known})
    return replace(profile, labels=label_sums(predictions, labels, unit=unit))


def mean(profile: Profile, reference: "Reference", name: str) -> float | None:
    """Mean of a numeric column's finite values; None without any.

    Values farther than 1,024 of the column's units from the reference's mean are clipped.
    """
    index = reference.index(name)
    column = reference.columns[index]
    if not isinstance(column, NumericColumn):
        raise TypeError(f"column {name!r} holds categories")
    n_finite = int(column.ordered(reference.part(profile.counts, index))[1:-1].sum())
    if n_finite == 0:
        return None
    z = int(profile.sums[reference.numeric.index(index), 0]) / float(RESOLUTION[0]) / n_finite
    return float(np.clip(column.centre + z * column.unit, -LARGEST_FLOAT, LARGEST_FLOAT))


def rows_at(rows: Rows, where: slice | NDArray[np.intp]) -> Rows:
    """Some of the rows, all columns."""
    columns = {name: values_at(column, where) for name, column in rows.columns.items()}
    return Rows(columns, len(np.arange(rows.n)[where]))


def values_at(column: Column, where: slice | NDArray[np.intp]) -> Column:
    """Some of a column's values."""
    return Coded(column.codes[where], column.levels) if isinstance(column, Coded) else column[where]


def stack(profiles: Sequence[Profile]) -> Artifact:
    """Profiles of one reference, at least one, as arrays with a row for each."""
    return Artifact(
        meta={"profiles": [_meta(profile) for profile in profiles]},
        arrays={
            "counts": narrowed(np.stack([profile.counts for profile in profiles])),
            "sums": np.stack([profile.sums for profile in profiles]),
        },
    )


def unstack(artifact: Artifact, reference: "Reference") -> tuple[Profile, ...]:
    """The profiles of a `stack`, validated against the reference.

    Raises ArtifactError: wrong shapes, impossible numbers, or a column whose counts do not add
    up to the number of rows.
    """
    try:
        metas = [_read_meta(meta) for meta in artifact.meta["profiles"]]
        counts, sums = artifact.arrays["counts"], artifact.arrays["sums"]
    except (KeyError, TypeError, ValueError) as error:
        raise ArtifactError(f"damaged profile: {error}") from error
    _check_shapes(counts, sums, (len(metas), reference.n_slots), len(reference.numeric))
    profiles = [
        Profile(reference_id=reference.id, counts=c.astype(np.int64), sums=s, **meta)
        for meta, c, s in zip(metas, counts, sums, strict=True)
    ]
    for profile in profiles:
        _check_totals(profile, reference)
    return tuple(profiles)


def _count(rows: Rows, reference: "Reference") -> Profile:
    places = place(rows, reference.declared)
    n_declared = reference.offsets[len(reference.declared)]
    counts = np.bincount(places.ravel(), minlength=n_declared)
    columns = ((field.name, rows.columns.get(field.name)) for field in reference.schema)
    values = {name: c for name, c in columns if c is not None and not isinstance(c, Coded)}
    return _profile(reference, rows.n, counts, {**values, **reference.scores(places)})


def _profile(
    reference: "Reference", n: int, declared: Counts, values: Mapping[str, Floats]
) -> Profile:
    """declared: counts of the declared columns. values: of numeric columns and scores, by name;
    a column that is not among them has none."""
    none = np.empty(0)
    scores = [c.count(values.get(c.field.name, none)) for c in reference.score_columns]
    sums = [_z_sums(c, values.get(c.field.name, none)) for c in reference.numeric_columns]
    return Profile(
        reference_id=reference.id,
        n=n,
        counts=np.concatenate([declared, *scores]),
        sums=np.array(sums, dtype=np.int64).reshape(-1, 2),
    )


def _z_sums(column: NumericColumn, values: Floats) -> Counts:
    """(2,) sums of z and z² in fixed point: adding integers is exact in any order."""
    finite = values[np.isfinite(values)]
    if len(finite) == 0:
        return np.zeros(2, dtype=np.int64)
    with np.errstate(over="ignore"):  # clipped in the next line
        z = (finite - column.centre) / column.unit
    z = np.clip(z, -LARGEST_Z, LARGEST_Z)
    return np.array([np.rint(z**k * r).astype(np.int64).sum() for k, r in enumerate(RESOLUTION, 1)])


def _extreme(
    choose: Callable[[float, float], float], left: float | None, right: float | None
) -> float | None:
    if left is None or right is None:
        return right if left is None else left
    return choose(left, right)


def _meta(profile: Profile) -> dict[str, Any]:
    return {
        "n": profile.n,
        "first_time": profile.first_time,
        "last_time": profile.last_time,
        "labels": asdict(profile.labels),
    }


def _read_meta(meta: Mapping[str, Any]) -> dict[str, Any]:
    n, first, last = meta["n"], meta["first_time"], meta["last_time"]
    labels = {name: int(value) for name, value in dict(meta["labels"]).items()}
    if not isinstance(n, int) or n < 0 or not 0 <= labels["n_correct"] <= labels["n_labelled"]:
        raise ValueError("impossible numbers of rows")
    return {
        "n": n,
        "first_time": None if first is None else float(first),
        "last_time": None if last is None else float(last),
        "labels": LabelSums(**labels),
    }


def _check_kind(what: str, column: Column, reference: "Reference") -> None:
    if isinstance(column, Coded) == (reference.task is Task.REGRESSION):
        kind = "categories" if isinstance(column, Coded) else "numbers"
        raise ValueError(f"{what} are {kind}, unlike the prediction {reference.prediction!r}")


def _check_shapes(
    counts: NDArray[Any], sums: NDArray[Any], shape: tuple[int, int], n_numeric: int
) -> None:
    if counts.shape != shape or sums.shape != (shape[0], n_numeric, 2):
        raise ArtifactError(f"counts have shape {counts.shape}, sums {sums.shape}")
    if counts.dtype.kind != "u" or sums.dtype != np.int64 or counts.max(initial=0) > LARGEST_COUNT:
        raise ArtifactError("counts must be unsigned and below 2^48, sums signed 64-bit integers")


def _check_totals(profile: Profile, reference: "Reference") -> None:
    totals = np.add.reduceat(profile.counts, reference.offsets[:-1])
    for column, total in zip(reference.columns, totals.tolist(), strict=True):
        name = column.field.name
        expected = profile.labels.n_labelled if name == ERROR else profile.n
        if total != expected:
            raise ArtifactError(f"column {name!r} counts {total} rows, expected {expected}")
