"""A reference: the data that a model is expected to see, and everything fitted on it."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from detectors.artifact import Artifact, ArtifactError, combined, pack, parts_of, unpack
from detectors.bins import (
    NumericColumn,
    Places,
    ReferenceColumn,
    column_from_artifact,
    fit_column,
    offsets_of,
    p_value_column,
    place,
)
from detectors.columns import Column, ColumnType, Counts, Field, Floats, Role, Rows
from detectors.labels import Task, loss
from detectors.profile import (
    ERROR,
    Profile,
    count,
    count_labels,
    rows_at,
    stack,
    unstack,
    values_at,
)
from detectors.schema import (
    ReferenceError,  # noqa: A004  # the other one is about weak references
    check_label,
    check_reference_data,
    is_reserved,
)
from detectors.scorers.expected_error import ExpectedError
from detectors.scorers.outlier import Outlier

__all__ = ["ERROR", "EXPECTED_ERROR", "OUTLIER", "Reference", "ReferenceError"]

OUTLIER = "dm.outlier"
EXPECTED_ERROR = "dm.expected_error"

LARGEST_N_WINDOWS = 400
LARGEST_WINDOW_COUNTS = 1 << 26
"""Over all windows of one length: where columns are thousands, fewer windows are kept."""

LARGEST_SAMPLE, LARGEST_SAMPLE_VALUES = 50_000, 1 << 25
"""Scorers are fitted on so many rows and values, drawn at random where there are more."""

FEWEST_LABELS = 100
"""A reference with fewer known errors has no estimate of the error to expect."""

_NOTHING = Profile(
    reference_id="", n=0, counts=np.empty(0, np.int64), sums=np.empty((0, 2), np.int64)
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Reference:
    """Columns with their bins, scorers, and what the reference data themselves counted.

    columns: the declared ones, then score columns: dm.outlier, and where labels were given
        dm.expected_error (with enough of them) and dm.error.
    prediction: the column that holds the model's prediction, if one was named.
    profile: of all rows.
    windows: by window length in seconds, the profiles of the reference's own windows in time
        order; without two windows of that length, the whole profile alone.
    id: "sha256:" and the digest of the reference's bytes.
    """

    columns: tuple[ReferenceColumn, ...]
    prediction: str | None
    outlier: Outlier
    expected_error: ExpectedError | None
    profile: Profile
    windows: Mapping[float, tuple[Profile, ...]]
    id: str

    @staticmethod
    def fit(
        rows: Rows,
        schema: Sequence[Field],
        *,
        times: Floats | None = None,
        window_lengths_s: Sequence[float] = (),
        prediction: str | None = None,
        label: Column | None = None,
        seed: int = 0,
    ) -> "Reference":
        """The reference of `rows`; the same arguments give the same bytes.

        times: (rows,) epoch seconds, by which the reference's own windows are cut.
        prediction, label: name of the column to which the labels, (rows,), belong.
        Raises ReferenceError naming the column and the reason. A column that is constant or
        holds nothing is no error, as long as another holds something.
        """
        check_reference_data(rows, schema, times=times)
        check_label(rows, schema, prediction=prediction, label=label)
        data = _Data(rows, times, prediction, label)
        bare = _fit_columns(data, schema, np.random.default_rng(seed))
        windows = {float(s): _window_profiles(data, s, bare) for s in window_lengths_s}
        full = replace(bare, profile=data.profile(bare), windows=windows)
        return Reference.from_bytes(full.to_bytes())

    @staticmethod
    def from_bytes(content: bytes) -> "Reference":
        """Raises ArtifactError where the bytes are not a sound reference."""
        parts = parts_of(unpack("reference", content))
        try:
            return _read(parts, "sha256:" + hashlib.sha256(content).hexdigest())
        except (KeyError, TypeError, ValueError) as error:
            raise ArtifactError(f"damaged reference: {error}") from error

    def to_bytes(self) -> bytes:
        """See `detectors.artifact`; the id is not in the bytes, it follows from them."""
        parts = {
            "fields": Artifact([_field_json(column.field) for column in self.columns], {}),
            "prediction": Artifact(self.prediction, {}),
            "columns": combined({str(i): c.to_artifact() for i, c in enumerate(self.columns)}),
            "outlier": self.outlier.to_artifact(),
            "profile": stack([self.profile]),
            "windows": combined({repr(s): stack(profiles) for s, profiles in self.windows.items()}),
        }
        if self.expected_error is not None:
            parts["expected_error"] = self.expected_error.to_artifact()
        return pack("reference", combined(parts))

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """(columns + 1) column i's slots are `counts[..., offsets[i] : offsets[i + 1]]`."""
        return offsets_of(self.columns)

    @property
    def n_slots(self) -> int:
        return self.offsets[-1]

    @cached_property
    def declared(self) -> tuple[ReferenceColumn, ...]:
        return tuple(c for c in self.columns if not is_reserved(c.field.name))

    @cached_property
    def score_columns(self) -> tuple[NumericColumn, ...]:
        scores = self.columns[len(self.declared) :]
        return tuple(column for column in scores if isinstance(column, NumericColumn))

    @cached_property
    def schema(self) -> tuple[Field, ...]:
        """The declared columns' fields."""
        return tuple(column.field for column in self.declared)

    @cached_property
    def numeric_columns(self) -> tuple[NumericColumn, ...]:
        return tuple(column for column in self.columns if isinstance(column, NumericColumn))

    @cached_property
    def numeric(self) -> tuple[int, ...]:
        """Which columns are numeric, in the order of a profile's sums."""
        return tuple(i for i, c in enumerate(self.columns) if isinstance(c, NumericColumn))

    @property
    def task(self) -> Task | None:
        if self.prediction is None:
            return None
        is_numeric = self.columns[self.index(self.prediction)].field.type.is_numeric
        return Task.REGRESSION if is_numeric else Task.CLASSIFICATION

    @property
    def error_unit(self) -> float:
        """The size of error that counts as 1: the predictions' standard deviation."""
        if self.prediction is None:
            raise ValueError("the reference has no prediction that labels could belong to")
        column = self.columns[self.index(self.prediction)]
        return column.unit if isinstance(column, NumericColumn) else 1.0

    def index(self, name: str) -> int:
        """Raises KeyError where there is no such column."""
        return self._index_of[name]

    def has(self, name: str) -> bool:
        return name in self._index_of

    def part(self, counts: Counts, index: int) -> Counts:
        """(..., slots) -> (..., n_slots of the column): the counts of one column."""
        return counts[..., self.offsets[index] : self.offsets[index + 1]]

    def place(self, rows: Rows) -> Places:
        """(columns, rows) the place of every value of the declared columns: scorers' input."""
        return place(rows, self.declared)

    def scores(self, places: Places) -> Mapping[str, Floats]:
        """The values, (rows,), of the score columns that need no label, by name."""
        scores = {OUTLIER: self.outlier.p_values(places)}
        if self.expected_error is not None:
            scores[EXPECTED_ERROR] = self.expected_error.score(places)
        return scores

    @cached_property
    def _index_of(self) -> Mapping[str, int]:
        return {column.field.name: i for i, column in enumerate(self.columns)}


@dataclass(frozen=True, slots=True)
class _Data:
    """What a reference is fitted on."""

    rows: Rows
    times: Floats | None
    prediction: str | None
    label: Column | None

    @property
    def losses(self) -> Floats:
        """(rows,) NaN where there is no prediction or no label."""
        if self.prediction is None or self.label is None:
            return np.full(self.rows.n, np.nan)
        return loss(self.rows.columns[self.prediction], self.label)

    @property
    def n_losses(self) -> int:
        return int(np.count_nonzero(np.isfinite(self.losses)))

    def at(self, where: NDArray[np.intp]) -> "_Data":
        return _Data(
            rows_at(self.rows, where),
            None if self.times is None else self.times[where],
            self.prediction,
            None if self.label is None else values_at(self.label, where),
        )

    def profile(self, reference: Reference) -> Profile:
        profile = count(self.rows, reference, times=self.times)
        if self.prediction is None or self.label is None:
            return profile
        return profile + count_labels(self.rows.columns[self.prediction], self.label, reference)


def _fit_columns(data: _Data, schema: Sequence[Field], rng: np.random.Generator) -> Reference:
    """A reference that has yet to count its own data."""
    declared = [fit_column(field, data.rows.columns[field.name]) for field in schema]
    n_sample = min(LARGEST_SAMPLE, max(2, LARGEST_SAMPLE_VALUES // len(declared)))
    sample = data.at(np.sort(rng.permutation(data.rows.n)[:n_sample]))
    places = place(sample.rows, declared)
    scores, expected_error = [p_value_column(_score(OUTLIER))], None
    if sample.n_losses >= FEWEST_LABELS:
        expected_error = ExpectedError.fit(places, sample.losses, declared, rng=rng)
        expected = expected_error.score(places)
        scores.append(NumericColumn.fit(_score(EXPECTED_ERROR), expected))
    if data.label is not None:
        scores.append(NumericColumn.fit(_score(ERROR), data.losses))
    return Reference(
        columns=(*declared, *scores),
        prediction=data.prediction,
        outlier=Outlier.fit(places, declared, rng=rng),
        expected_error=expected_error,
        profile=_NOTHING,
        windows={},
        id="",
    )


def _window_profiles(data: _Data, length_s: float, reference: Reference) -> tuple[Profile, ...]:
    """Profiles of the latest windows that hold rows; the whole profile without two of them."""
    if not 0 < length_s < math.inf:
        raise ReferenceError(f"a window of {length_s} s")
    windows = [] if data.times is None else _rows_of_windows(data.times, length_s)
    if len(windows) < 2:
        return (data.profile(reference),)
    n_kept = min(LARGEST_N_WINDOWS, max(2, LARGEST_WINDOW_COUNTS // reference.n_slots))
    return tuple(data.at(where).profile(reference) for where in windows[-n_kept:])


def _rows_of_windows(times: Floats, length_s: float) -> list[NDArray[np.intp]]:
    """The rows of every window that has any, in time order; a row without a time is in none."""
    known = np.flatnonzero(np.isfinite(times))
    window = np.floor(times[known] / length_s)
    order = np.argsort(window, kind="stable")
    return np.split(known[order], np.flatnonzero(np.diff(window[order])) + 1)


def _score(name: str) -> Field:
    return Field(name, ColumnType.FLOAT, Role.SCORE)


def _field_json(field: Field) -> dict[str, str]:
    return {"name": field.name, "type": field.type.value, "role": field.role.value}


def _read_field(meta: Mapping[str, str]) -> Field:
    return Field(str(meta["name"]), ColumnType(meta["type"]), Role(meta["role"]))


def _read(parts: Mapping[str, Artifact], identifier: str) -> Reference:
    fields = [_read_field(meta) for meta in parts["fields"].meta]
    states = parts_of(parts["columns"])
    columns = tuple(column_from_artifact(f, states[str(i)]) for i, f in enumerate(fields))
    declared = [column for column in columns if not is_reserved(column.field.name)]
    n_slots = offsets_of(declared)[-1]
    expected_error = None
    if "expected_error" in parts:
        expected_error = ExpectedError.from_artifact(
            parts["expected_error"], n_slots=n_slots, n_columns=len(declared)
        )
    bare = Reference(
        columns=columns,
        prediction=parts["prediction"].meta,
        outlier=Outlier.from_artifact(parts["outlier"], n_slots=n_slots),
        expected_error=expected_error,
        profile=_NOTHING,
        windows={},
        id=identifier,
    )
    _check_columns(bare)
    windows = {float(s): unstack(a, bare) for s, a in parts_of(parts["windows"]).items()}
    return replace(bare, profile=unstack(parts["profile"], bare)[0], windows=windows)


def _check_columns(reference: Reference) -> None:
    """Declared columns come first, then numeric scores in their order; no name comes twice."""
    names = [column.field.name for column in reference.columns]
    scores = [OUTLIER] if reference.expected_error is None else [OUTLIER, EXPECTED_ERROR]
    if names[len(reference.declared) :] not in (scores, [*scores, ERROR]):
        raise ValueError("the score columns are not those of the scorers")
    if len(names) != len(reference.declared) + len(reference.score_columns):
        raise ValueError("a score column holds categories")
    if len(set(names)) < len(names):
        raise ValueError("a column's name comes twice")
    if reference.prediction is not None and reference.prediction not in names:
        raise ValueError(f"no column is the prediction {reference.prediction!r}")
