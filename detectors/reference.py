"""A reference: the data that a model is expected to see, and everything fitted on it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from detectors.artifact import Artifact, ArtifactError, combined, pack, parts_of, unpack
from detectors.bins import (
    NumericColumn,
    Placer,
    Places,
    ReferenceColumn,
    column_from_artifact,
    fit_column,
    offsets_of,
    p_value_column,
)
from detectors.columns import Column, ColumnType, Counts, Field, Floats, Role, Rows
from detectors.conformal import Conformal
from detectors.derived import Derivations
from detectors.labels import Task
from detectors.output import Output
from detectors.profile import (
    ERROR,
    Profile,
    stack,
    unstack,
)
from detectors.profile.pairs import RankPairs
from detectors.profile.sample import (
    DEFAULT_LIMITS,
    Sample,
    SampleLimits,
    stack_samples,
    unstack_samples,
)
from detectors.profile.segments import Segment, read_segments
from detectors.schema import (
    ReferenceError,  # noqa: A004  # the other one is about weak references
    check_label,
    check_reference_data,
    field_from_json,
    field_to_json,
    is_reserved,
)
from detectors.scorers.expected_error import ExpectedError
from detectors.scorers.outlier import Outlier
from detectors.scorers.placed import PlacedRows
from detectors.target import Target
from detectors.training import (
    OWN_SAMPLE,
    ReferenceData,
    fit_derivations,
    fit_outlier,
    fit_sample,
    fit_segments,
    fit_target,
    segment_profiles,
    window_profiles,
)

__all__ = ["ERROR", "EXPECTED_ERROR", "OUTLIER", "Reference", "ReferenceError"]

OUTLIER = "dm.outlier"
EXPECTED_ERROR = "dm.expected_error"

LARGEST_SAMPLE, LARGEST_SAMPLE_VALUES = 50_000, 1 << 25
"""Scorers are fitted on so many rows and values, drawn at random where there are more."""

FEWEST_LABELS = 100
"""A reference with fewer known errors has no estimate of the error to expect."""

_NOTHING = Profile(
    reference_id="",
    n=0,
    counts=np.empty(0, np.int64),
    sums=np.empty((0, 2), np.int64),
    pairs=np.empty(0, np.int64),
    outcomes=np.empty(0, np.int64),
    faults=np.empty(0, np.int64),
    sample=Sample.empty((), 0),
    vectors=np.empty(0, np.int64),
    delays=np.empty(0, np.int64),
    census=np.zeros(4, np.int64),
    served=np.empty(0, np.int64),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Reference:
    """Columns with their bins, scorers, and what the reference data themselves counted.

    derivations: from the columns that rows come with to the declared ones.
    columns: the declared ones, then score columns: dm.outlier, and where labels were given
        dm.expected_error (with enough of them) and dm.error.
    target: what the model predicts, if its prediction was named.
    rank_pairs: the pairs of columns whose correlation is watched.
    sample_limit: so many rows at most has a profile's sample.
    sample: of its own rows, a larger one. Its profiles' samples are empty.
    profile: of all rows.
    windows: by window length in seconds, the profiles of the reference's own windows in time
        order; without two windows of that length, the whole profile alone.
    segments: that are counted apart; segment_profiles: of the reference's own rows, one each.
    id: "sha256:" and the digest of the reference's bytes.
    """

    derivations: Derivations
    columns: tuple[ReferenceColumn, ...]
    target: Target | None
    outlier: Outlier
    expected_error: ExpectedError | None
    rank_pairs: RankPairs
    sample_limit: int
    sample: Sample
    profile: Profile
    windows: Mapping[float, tuple[Profile, ...]]
    id: str
    segments: tuple[Segment, ...] = ()
    segment_profiles: tuple[Profile, ...] = ()

    @staticmethod
    def fit(
        rows: Rows,
        schema: Sequence[Field],
        *,
        times: Floats | None = None,
        window_lengths_s: Sequence[float] = (),
        prediction: str | Output | None = None,
        label: Column | None = None,
        outlier_scorer: str = "ecod",
        segments: Sequence[str] = (),
        seed: int = 0,
    ) -> "Reference":
        """The reference of `rows`; the same arguments give the same bytes.

        times: (rows,) epoch seconds, by which the reference's own windows are cut.
        prediction, label: name of the column to which the labels, (rows,), belong; or an
            `Output`, where further columns tell of the prediction.
        outlier_scorer: one of `OUTLIER_SCORERS`.
        segments: category and boolean columns whose values are counted apart.
        Raises ReferenceError naming the column and the reason. A column that is constant or
        holds nothing is no error, as long as another holds something.
        """
        check_reference_data(rows, schema, times=times)
        output = Output(prediction) if isinstance(prediction, str) else prediction
        check_label(
            rows, schema, prediction=None if output is None else output.prediction, label=label
        )
        rng = np.random.default_rng(seed)
        derivations = fit_derivations(rows, schema, times, rng)
        target = None if output is None else fit_target(output, rows, schema, label)
        data = ReferenceData(rows, times, target, label)
        bare = _fit_columns(data, derivations, outlier_scorer, rng)
        windows = {float(s): window_profiles(data, s, bare) for s in window_lengths_s}
        chosen = fit_segments(bare, segments)
        full = replace(
            bare,
            profile=data.profile(bare),
            windows=windows,
            segments=chosen,
            segment_profiles=segment_profiles(data, chosen, bare),
            sample_limit=DEFAULT_LIMITS.n_rows(bare.declared),
        )
        return Reference.from_bytes(full.to_bytes())

    def sampling(self, limits: SampleLimits) -> "Reference":
        """The same reference but for the rows that its profiles sample."""
        n_rows = limits.n_rows(self.declared)
        return Reference.from_bytes(replace(self, sample_limit=n_rows).to_bytes())

    def for_counting(self) -> "Reference":
        """What it takes to count rows, without what profiles are compared with: a fraction of the
        memory. Its id is the same, its bytes are not."""
        nothing = Sample.empty(self.declared, 0)
        return replace(self, profile=_NOTHING, windows={}, sample=nothing, segment_profiles=())

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
            "derivations": self.derivations.to_artifact(),
            "fields": Artifact([field_to_json(column.field) for column in self.columns], {}),
            "columns": combined({str(i): c.to_artifact() for i, c in enumerate(self.columns)}),
            "outlier": self.outlier.to_artifact(),
            "rank_pairs": self.rank_pairs.to_artifact(),
            "sample": Artifact({"limit": self.sample_limit}, stack_samples([self.sample])),
            "profile": stack([self.profile]),
            "windows": combined({repr(s): stack(profiles) for s, profiles in self.windows.items()}),
        }
        if self.expected_error is not None:
            parts["expected_error"] = self.expected_error.to_artifact()
        if self.target is not None:
            parts["target"] = self.target.to_artifact()
        if self.segments:
            stacked = stack(self.segment_profiles)
            parts["segments"] = replace(stacked, meta={**stacked.meta, "of": self.segments})
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
        """The fields of the columns that rows come with."""
        return self.derivations.schema

    @cached_property
    def numeric_columns(self) -> tuple[NumericColumn, ...]:
        return tuple(column for column in self.columns if isinstance(column, NumericColumn))

    @cached_property
    def numeric(self) -> tuple[int, ...]:
        """Which columns are numeric, in the order of a profile's sums."""
        return tuple(i for i, c in enumerate(self.columns) if isinstance(c, NumericColumn))

    @property
    def pairs(self) -> NDArray[np.intp]:
        """(n_pairs, 2) positions among the columns, in the order of a profile's pairs."""
        return self.rank_pairs.columns

    @property
    def prediction(self) -> str | None:
        """The column that holds the model's prediction."""
        return None if self.target is None else self.target.prediction

    @cached_property
    def joined_columns(self) -> tuple[str, ...]:
        """What must be known of a prediction when its label comes; the prediction is the first."""
        told = () if self.target is None else self.target.columns
        return tuple(dict.fromkeys([*told, *(segment.column for segment in self.segments)]))

    @property
    def task(self) -> Task | None:
        return None if self.target is None else self.target.task

    @property
    def n_outcomes(self) -> int:
        """Length of a profile's outcomes."""
        return 0 if self.target is None else self.target.n_slots

    def index(self, name: str) -> int:
        """Raises KeyError where there is no such column."""
        return self._index_of[name]

    def has(self, name: str) -> bool:
        return name in self._index_of

    def part(self, counts: Counts, index: int) -> Counts:
        """(..., slots) -> (..., n_slots of the column): the counts of one column."""
        return counts[..., self.offsets[index] : self.offsets[index + 1]]

    def place(self, rows: Rows) -> Places:
        """(columns, rows) the place of every value of the declared columns."""
        return self._placer.place(rows)

    def placed(self, rows: Rows) -> PlacedRows:
        """The rows, and where their values lie: scorers' input."""
        return PlacedRows(rows, self.place(rows))

    def scores(self, rows: PlacedRows) -> Mapping[str, Floats]:
        """The values, (rows,), of the score columns that need no label, by name."""
        error = self.expected_error
        return self.score_values(
            self.outlier.score(rows), None if error is None else error.score(rows)
        )

    def score_values(self, outlier: Floats, expected_error: Floats | None) -> Mapping[str, Floats]:
        """The values of the score columns, from what the scorers say, (rows,) each."""
        scores = {OUTLIER: self._conformal.p_values(outlier)}
        return scores if expected_error is None else {**scores, EXPECTED_ERROR: expected_error}

    @cached_property
    def _placer(self) -> Placer:
        return Placer(self.declared)

    @cached_property
    def _conformal(self) -> Conformal:
        return Conformal.of(self.outlier.calibration)

    @cached_property
    def _index_of(self) -> Mapping[str, int]:
        return {column.field.name: i for i, column in enumerate(self.columns)}


def _fit_columns(
    data: ReferenceData, derivations: Derivations, scorer: str, rng: np.random.Generator
) -> Reference:
    """A reference that has yet to count its own data."""
    data = replace(data, rows=derivations.derive(data.rows, times=data.times)[0])
    declared = [fit_column(field, data.rows.columns[field.name]) for field in derivations.plain]
    n_sample = min(LARGEST_SAMPLE, max(2, LARGEST_SAMPLE_VALUES // len(declared)))
    sample = data.at(np.sort(rng.permutation(data.rows.n)[:n_sample]))
    placed = PlacedRows.of(sample.rows, declared)
    scores, expected_error = [p_value_column(_score(OUTLIER))], None
    if sample.n_losses >= FEWEST_LABELS:
        expected_error = ExpectedError.fit(placed, sample.losses, declared, rng=rng)
        expected = expected_error.score(placed)
        scores.append(NumericColumn.fit(_score(EXPECTED_ERROR), expected))
    if data.label is not None:
        scores.append(NumericColumn.fit(_score(ERROR), data.losses))
    return Reference(
        derivations=derivations,
        columns=(*declared, *scores),
        target=data.target,
        outlier=fit_outlier(placed, declared, scorer, rng),
        expected_error=expected_error,
        rank_pairs=RankPairs.fit(placed.places, declared),
        sample_limit=0,
        sample=fit_sample(sample.rows, declared, rng),
        profile=_NOTHING,
        windows={},
        id="",
    )


def _read_limit(limit: object) -> int:
    if not isinstance(limit, int) or not 0 <= limit <= LARGEST_SAMPLE:
        raise ValueError(f"samples of at most {limit!r} rows")
    return limit


def _score(name: str) -> Field:
    return Field(name, ColumnType.FLOAT, Role.SCORE)


def _read(parts: Mapping[str, Artifact], identifier: str) -> Reference:
    fields = [field_from_json(meta) for meta in parts["fields"].meta]
    states = parts_of(parts["columns"])
    columns = tuple(column_from_artifact(f, states[str(i)]) for i, f in enumerate(fields))
    declared = [column for column in columns if not is_reserved(column.field.name)]
    n_slots = offsets_of(declared)[-1]
    expected_error = None
    if "expected_error" in parts:
        expected_error = ExpectedError.from_artifact(parts["expected_error"], declared)
    bare = Reference(
        derivations=Derivations.from_artifact(parts["derivations"]),
        columns=columns,
        target=Target.from_artifact(parts["target"]) if "target" in parts else None,
        outlier=Outlier.from_artifact(parts["outlier"], declared),
        expected_error=expected_error,
        rank_pairs=RankPairs.from_artifact(
            parts["rank_pairs"], n_slots=n_slots, n_columns=len(declared)
        ),
        sample_limit=_read_limit(parts["sample"].meta["limit"]),
        sample=unstack_samples(parts["sample"].arrays, declared, OWN_SAMPLE.rows)[0],
        profile=_NOTHING,
        windows={},
        id=identifier,
        segments=read_segments(parts["segments"].meta["of"]) if "segments" in parts else (),
    )
    _check_columns(bare)
    windows = {float(s): unstack(a, bare) for s, a in parts_of(parts["windows"]).items()}
    profiles = unstack(parts["segments"], bare) if bare.segments else ()
    if len(profiles) != len(bare.segments):
        raise ValueError("not as many profiles as segments")
    whole = unstack(parts["profile"], bare)[0]
    return replace(bare, profile=whole, windows=windows, segment_profiles=profiles)


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
    if reference.derivations.plain != tuple(column.field for column in reference.declared):
        raise ValueError("the declared columns are not those that the derivations make")
    if reference.target is not None and not {*reference.target.columns} <= {*names}:
        raise ValueError("a column that tells of predictions is not declared")
