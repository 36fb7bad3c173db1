"""Profiles: what was seen, as counts and sums that add exactly in any order and grouping."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from detectors.artifact import (
    Artifact,
    ArtifactError,
    folded,
    narrowed,
    pack,
    unfolded,
    unpack,
)
from detectors.bins import LARGEST_FLOAT, NumericColumn
from detectors.columns import Counts
from detectors.profile.outcomes import is_sound
from detectors.profile.pairs import LARGEST_SCORE
from detectors.profile.sample import Sample, stack_samples, unstack_samples
from detectors.profile.sums import RESOLUTION
from detectors.served import N_SLOTS

if TYPE_CHECKING:
    from detectors.reference import Reference

ERROR = "dm.error"
"""The score column that is filled when labels arrive, not when rows do."""

_ADDED = ("counts", "sums", "pairs", "outcomes", "faults", "vectors", "delays", "census", "served")

DELAYS_S = (
    *(1.0, 10.0, 60.0, 300.0, 900.0, 3600.0, 3 * 3600.0, 6 * 3600.0, 12 * 3600.0),
    *(86_400.0 * days for days in (1, 2, 3, 7, 14, 28)),
)
"""Edges, in seconds, between which the delays of labels are counted."""

LARGEST_COUNT = 1 << 48
LARGEST_HEADER = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Profile:
    """The sum of what was seen against one reference; `a + b` is what both saw.

    n: rows. first_time, last_time: epoch seconds of the earliest and latest row, None without.
    counts: (slots,) of all columns of the reference; `reference.part(counts, i)` is column i's.
    sums: (numeric columns, 2) of z and z², in fixed point; z is a finite value's distance from
        the reference's mean in the column's unit, the reference's standard deviation.
        `reference.numeric` lists the columns.
    pairs: (n_pairs,) sums of products of rank scores, in fixed point; see `RankPairs`.
    sample: a bounded, uniform sample of the rows.
    vectors: (reference.derivations.n_sums,) what adds of vector columns, beside the columns
        derived of them; see `Embedding`.
    outcomes: (target's slots,) what predictions said, and what the labels that arrived; `n` counts
        no labels. See `Target.shapes`; empty without a target.
    faults: (declared columns + 1,) values that were not of their column's type and so are missing,
        and rows whose id had come before.
    delays: (len(DELAYS_S) + 1,) labels by how long after their prediction they came.
    census: (4,) of the rows: how many were counted; the sum of the squares of their weights, which
        sum to `n`; how many predictions they stand for; and the weight of those that came with
        columns which the reference lacks. See `weighing`.
    served: (N_SLOTS,) requests by what the model made of them; see `detectors.served`. They are no
        rows: a profile may hold either without the other.
    A profile of labels alone, n = 0, may take back what another has counted: see `taking_back`.
    """

    reference_id: str
    n: int
    counts: Counts
    sums: Counts
    pairs: Counts
    outcomes: Counts
    faults: Counts
    sample: Sample
    vectors: Counts
    delays: Counts
    census: Counts
    served: Counts
    first_time: float | None = None
    last_time: float | None = None

    @staticmethod
    def empty(reference: "Reference") -> "Profile":
        shapes = _shapes(reference).items()
        nothing: dict[str, Any] = {name: np.zeros(shape, np.int64) for name, shape in shapes}
        return Profile(
            reference_id=reference.id,
            n=0,
            sample=Sample.empty(reference.declared, reference.sample_limit),
            **nothing,
        )

    @property
    def n_labelled(self) -> int:
        """Predictions whose label has arrived."""
        return int(self.outcomes[0]) if len(self.outcomes) else 0

    def __add__(self, other: "Profile") -> "Profile":
        if self.reference_id != other.reference_id:
            raise ValueError(f"profiles of {self.reference_id} and {other.reference_id}")
        return Profile(
            reference_id=self.reference_id,
            n=self.n + other.n,
            sample=self.sample + other.sample,
            **{name: getattr(self, name) + getattr(other, name) for name in _ADDED},
            first_time=_extreme(min, self.first_time, other.first_time),
            last_time=_extreme(max, self.last_time, other.last_time),
        )

    def taking_back(self) -> "Profile":
        """What, added to a profile that holds these labels, leaves it as it was without them."""
        if self.n:
            raise ValueError("rows are not taken back, only labels")
        return replace(self, **{name: -getattr(self, name) for name in _ADDED})

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Profile):
            return NotImplemented
        return (
            self.reference_id == other.reference_id
            and _meta(self) == _meta(other)
            and all(np.array_equal(getattr(self, a), getattr(other, a)) for a in _ADDED)
            and self.sample == other.sample
        )

    __hash__ = None  # type: ignore[assignment]  # its arrays have no hash

    def to_bytes(self) -> bytes:
        stacked = stack([self])
        meta = {"reference": self.reference_id, **stacked.meta}
        return pack("profile", Artifact(meta, stacked.arrays))

    @staticmethod
    def from_bytes(content: bytes, reference: "Reference") -> "Profile":
        """Raises ArtifactError where the bytes are not a sound profile of this reference."""
        artifact = unpack("profile", content, largest_bytes=largest_bytes(reference))
        if artifact.meta.get("reference") != reference.id:
            raise ArtifactError(f"profile of {artifact.meta.get('reference')}, not {reference.id}")
        profiles = unstack(artifact, reference)
        if len(profiles) != 1:
            raise ArtifactError(f"{len(profiles)} profiles where one was expected")
        return profiles[0]


def largest_bytes(reference: "Reference") -> int:
    """What a profile's content takes at most, before it is compressed."""
    n_numbers = sum(math.prod(shape) for shape in _shapes(reference).values())
    n_numbers += reference.sample_limit * (1 + len(reference.declared))
    return LARGEST_HEADER + 8 * n_numbers


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


def stack(profiles: Sequence[Profile]) -> Artifact:
    """Profiles of one reference, at least one, as arrays with a row for each."""
    counts, *sums = (np.stack([getattr(one, name) for one in profiles]) for name in _ADDED)
    added = dict(zip(_ADDED[1:], sums, strict=True))
    if not added["served"].any():
        del added["served"]
    return Artifact(
        meta={"profiles": [_meta(profile) for profile in profiles]},
        arrays={
            **_counts_arrays(counts),
            **{name: folded(array) for name, array in added.items()},
            **stack_samples([profile.sample for profile in profiles]),
        },
    )


def unstack(artifact: Artifact, reference: "Reference") -> tuple[Profile, ...]:
    """The profiles of a `stack`, validated against the reference.

    Raises ArtifactError: wrong shapes, impossible numbers, or a column whose counts do not add
    up to the number of rows.
    """
    try:
        metas = [_read_meta(meta) for meta in artifact.meta["profiles"]]
        known = {**_absent(metas), **artifact.arrays}
        arrays = {name: unfolded(known[name]) for name in _ADDED[1:]}
        arrays["counts"] = _read_counts(artifact.arrays)
        samples = unstack_samples(artifact.arrays, reference.declared, reference.sample_limit)
    except (KeyError, TypeError, ValueError) as error:
        raise ArtifactError(f"damaged profile: {error}") from error
    _check_shapes(arrays, len(metas), reference)
    if len(samples) != len(metas):
        raise ArtifactError(f"{len(samples)} samples of {len(metas)} profiles")
    profiles = [
        Profile(
            reference_id=reference.id,
            sample=sample,
            **{name: array[i] for name, array in arrays.items()},
            **meta,
        )
        for i, (meta, sample) in enumerate(zip(metas, samples, strict=True))
    ]
    for profile in profiles:
        _check_sums(profile, reference)
        _check_totals(profile, reference)
    return tuple(profiles)


def _shapes(reference: "Reference") -> dict[str, tuple[int, ...]]:
    """Of everything in a profile that is added number by number."""
    return {
        "counts": (reference.n_slots,),
        "sums": (len(reference.numeric), 2),
        "pairs": (len(reference.pairs),),
        "outcomes": (reference.n_outcomes,),
        "faults": (len(reference.declared) + 1,),
        "vectors": (reference.derivations.n_sums,),
        "delays": (len(DELAYS_S) + 1,),
        "census": (4,),
        "served": (N_SLOTS,),
    }


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
    }


def _absent(metas: Sequence[Mapping[str, Any]]) -> dict[str, NDArray[Any]]:
    """What profiles do not tell where there is none, no requests; and those of 0.1 did not: no
    delays, and every row stood for itself."""
    n = np.array([meta["n"] for meta in metas], dtype=np.int64)
    return {
        "delays": np.zeros((len(metas), len(DELAYS_S) + 1), dtype=np.uint8),
        "census": folded(np.stack([n, n, n, np.zeros_like(n)], axis=1)),
        "served": np.zeros((len(metas), N_SLOTS), dtype=np.uint8),
    }


def _read_meta(meta: Mapping[str, Any]) -> dict[str, Any]:
    n, first, last = meta["n"], meta["first_time"], meta["last_time"]
    if not isinstance(n, int) or n < 0:
        raise ValueError("an impossible number of rows")
    return {
        "n": n,
        "first_time": None if first is None else float(first),
        "last_time": None if last is None else float(last),
    }


def _counts_arrays(counts: Counts) -> dict[str, NDArray[Any]]:
    """Of labels that take others back some counts are negative."""
    if counts.min(initial=0) < 0:
        return {"signed_counts": folded(counts)}
    return {"counts": narrowed(counts)}


def _read_counts(arrays: Mapping[str, NDArray[Any]]) -> Counts:
    if "signed_counts" in arrays:
        counts = unfolded(arrays["signed_counts"])
        too_large = bool((np.abs(counts) > LARGEST_COUNT).any())
    else:
        counts = arrays["counts"]
        too_large = counts.dtype.kind != "u" or counts.max(initial=0) > LARGEST_COUNT
    if too_large:
        raise ValueError("counts must be integers below 2^48")
    return counts.astype(np.int64)


def _check_shapes(
    arrays: Mapping[str, NDArray[Any]], n_profiles: int, reference: "Reference"
) -> None:
    for name, shape in _shapes(reference).items():
        if arrays[name].shape != (n_profiles, *shape):
            raise ArtifactError(f"{name} have shape {arrays[name].shape}")


def _check_sums(profile: Profile, reference: "Reference") -> None:
    limit = LARGEST_SCORE**2 * profile.n
    if (profile.pairs > limit).any() or (profile.pairs < -limit).any():
        raise ArtifactError("sums of pairs are larger than so few rows can make them")
    if not reference.derivations.could_sum_to(profile.vectors, n=profile.n):
        raise ArtifactError("sums of vectors are larger than so few rows can make them")
    if profile.faults.min(initial=0) < 0 or profile.served.min(initial=0) < 0:
        raise ArtifactError("a negative number of faults or requests")
    n_counted, squares, n_seen, n_with_new = profile.census.tolist()
    if not (0 <= n_counted <= profile.n <= min(squares, n_seen) and 0 <= n_with_new <= profile.n):
        raise ArtifactError("impossible weights of rows")
    if profile.n == 0:
        return  # labels, which may take others back: any sign is possible
    if profile.counts.min(initial=0) < 0:
        raise ArtifactError("a negative count of rows")
    target = reference.target
    if target is not None and not is_sound(profile.outcomes, target):
        raise ArtifactError("impossible numbers of labels")


def _check_totals(profile: Profile, reference: "Reference") -> None:
    totals = np.add.reduceat(profile.counts, reference.offsets[:-1])
    for column, total in zip(reference.columns, totals.tolist(), strict=True):
        name = column.field.name
        expected = profile.n_labelled if name == ERROR else profile.n
        if total != expected:
            raise ArtifactError(f"column {name!r} counts {total} rows, expected {expected}")
