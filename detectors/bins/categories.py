"""Slots of a category or boolean column: a level each, and the rest together."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from detectors.artifact import Artifact
from detectors.bins.slots import FIRST_LEVEL, MISSING, OTHER, UNSEEN, Slots
from detectors.columns import Coded, Counts, Field

N_LEVELS = 256
N_REMEMBERED_LEVELS = 4096


@dataclass(frozen=True, kw_only=True, eq=False)
class CategoryColumn:
    """The levels of a category or boolean column that the reference knows.

    levels: the commonest, most common first, at most `N_LEVELS`; each has a slot.
    others: known, but too rare for a slot of their own.
    open_ended: there were more levels than are remembered, so a level that is not in memory
        may well be known: it counts as OTHER, not as UNSEEN.
    """

    field: Field
    levels: tuple[str, ...]
    others: tuple[str, ...] = ()
    open_ended: bool = False

    @staticmethod
    def fit(field: Field, column: Coded) -> "CategoryColumn":
        ranked = _ranked_levels(column)
        remembered = ranked[:N_REMEMBERED_LEVELS]
        return CategoryColumn(
            field=field,
            levels=tuple(remembered[:N_LEVELS]),
            others=tuple(remembered[N_LEVELS:]),
            open_ended=len(ranked) > len(remembered),
        )

    @staticmethod
    def from_artifact(field: Field, artifact: Artifact) -> "CategoryColumn":
        """Raises ValueError, KeyError or TypeError where the artifact is not a sound column."""
        levels, others = tuple(artifact.meta["levels"]), tuple(artifact.meta["others"])
        if not all(isinstance(level, str) for level in levels + others):
            raise ValueError(f"column {field.name!r} has a level that is not a string")
        if len(set(levels + others)) < len(levels + others) or len(levels) > N_LEVELS:
            raise ValueError(f"column {field.name!r} has repeated levels, or too many")
        return CategoryColumn(
            field=field, levels=levels, others=others, open_ended=bool(artifact.meta["open_ended"])
        )

    def to_artifact(self) -> Artifact:
        meta = {"levels": self.levels, "others": self.others, "open_ended": self.open_ended}
        return Artifact(meta, {})

    @property
    def n_slots(self) -> int:
        return FIRST_LEVEL + len(self.levels)

    def count(self, column: Coded) -> Counts:
        """(rows,) -> (n_slots,) how many values fell into each slot."""
        counts = np.zeros(self.n_slots, dtype=np.int64)
        per_code = np.bincount(column.codes + 1, minlength=len(column.levels) + 1)
        np.add.at(counts, self._slot_of_codes(column), per_code)
        return counts

    def place(self, column: Coded) -> Slots:
        """(rows,) -> (rows,) the slot of every value."""
        return self._slot_of_codes(column)[column.codes + 1]

    def ordered(self, counts: Counts) -> Counts:
        """(..., n_slots) -> (..., n_slots - 1): unseen, other, levels; missing left out."""
        return counts[..., UNSEEN:]

    def _slot_of_codes(self, column: Coded) -> Slots:
        """(1 + levels of the batch,) slots of the codes -1, 0, 1, ..."""
        slot_of, unknown = self._slot_of_level, OTHER if self.open_ended else UNSEEN
        slots = [slot_of.get(level, unknown) for level in column.levels]
        return np.array([MISSING, *slots], dtype=np.intp)

    @cached_property
    def _slot_of_level(self) -> Mapping[str, int]:
        slot_of = dict.fromkeys(self.others, OTHER)
        slot_of.update((level, FIRST_LEVEL + i) for i, level in enumerate(self.levels))
        return slot_of


def _ranked_levels(column: Coded) -> list[str]:
    """The levels that occur, most common first, equally common ones by name."""
    per_code = np.bincount(column.codes + 1, minlength=len(column.levels) + 1)[1:]
    tally = Counter(dict(zip(column.levels, per_code.tolist(), strict=True)))
    present = [(level, n) for level, n in tally.items() if n > 0]
    return [level for level, _ in sorted(present, key=lambda item: (-item[1], item[0]))]
