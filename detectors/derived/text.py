"""Free text as plain columns: how long it is, and of what characters."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from detectors.artifact import Artifact
from detectors.columns import Coded, Column, ColumnType, Field, Floats
from detectors.derived.derivation import Derived, part

CLASSES = ("letters", "digits", "spaces", "punctuation", "other")
"""By Unicode's general category: L and M; N; Z, and what separates words; P; and the rest."""

_SPACES = CLASSES.index("spaces")
_CLASS_OF_CATEGORY = {"L": 0, "M": 0, "N": 1, "Z": 2, "P": 3}
_BLOCK_CHARACTERS = 1 << 20


@dataclass(frozen=True, slots=True)
class TextDerivation:
    """Length in characters, number of words (between spaces), and what share of the characters
    each class of `CLASSES` has; an empty text has no shares, they are missing.
    """

    field: Field

    @staticmethod
    def from_artifact(field: Field, artifact: Artifact) -> "TextDerivation":  # noqa: ARG004
        return TextDerivation(field)

    def to_artifact(self) -> Artifact:
        return Artifact({}, {})

    @property
    def fields(self) -> tuple[Field, ...]:
        numbers = (part(self.field, name, ColumnType.INTEGER) for name in ("length", "words"))
        shares = (part(self.field, name, ColumnType.FLOAT) for name in CLASSES)
        return (*numbers, *shares)

    @property
    def n_sums(self) -> int:
        return 0

    def derive(self, column: Column, times: Floats | None = None) -> Derived:  # noqa: ARG002
        """Each distinct text is looked at once. Raises ValueError where the column is numbers."""
        coded = _coded(self.field, column)
        codes, places = np.unique(coded.codes, return_inverse=True)
        texts = [coded.levels[code] for code in codes.tolist() if code >= 0]
        measures = np.full((len(codes), 2 + len(CLASSES)), np.nan)
        measures[codes >= 0] = _measures(texts)
        return Derived(tuple(measures[places].T))


def _coded(field: Field, column: Column) -> Coded:
    if isinstance(column, Coded):
        return column
    raise ValueError(f"column {field.name!r} is text, but holds numbers")


def _measures(texts: Sequence[str]) -> Floats:
    """(texts, 2 + classes) length, words and shares of every text, a million characters at once."""
    ends = np.cumsum([len(text) for text in texts], dtype=np.intp)
    blocks = np.unique(np.searchsorted(ends, np.arange(0, ends[-1:].sum(), _BLOCK_CHARACTERS)))
    bounds = [0, *blocks.tolist()[1:], len(texts)]
    parts = [_measures_of_block(texts[a:b]) for a, b in pairwise(bounds)]
    return np.concatenate(parts)


def _measures_of_block(texts: Sequence[str]) -> Floats:
    """All texts in one string: a word begins where no space is, behind a space or a text's end."""
    lengths = np.array([len(text) for text in texts], dtype=np.intp)
    classes = _classes("".join(texts))
    text_of = np.repeat(np.arange(len(texts)), lengths)
    cells = np.bincount(text_of * len(CLASSES) + classes, minlength=len(texts) * len(CLASSES))
    counts = cells.reshape(len(texts), len(CLASSES))
    is_word = classes != _SPACES
    begins = is_word & (~np.append(False, is_word[:-1]) | (np.diff(text_of, prepend=-1) > 0))
    words = np.bincount(text_of[begins], minlength=len(texts))
    shares = np.divide(
        counts,
        lengths[:, np.newaxis],
        out=np.full(counts.shape, np.nan),
        where=lengths[:, np.newaxis] > 0,
    )
    return np.column_stack([lengths, words, shares])


def _classes(text: str) -> NDArray[np.intp]:
    """(characters,) positions in `CLASSES`. A lone surrogate, which is no character, is other."""
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    pages, places = np.unique(points >> 8, return_inverse=True)
    if len(pages) == 0:
        return np.empty(0, dtype=np.intp)
    table = np.array([_page(page) for page in pages.tolist()], dtype=np.intp)
    classes: NDArray[np.intp] = table[places, points & 0xFF]
    return classes


@cache
def _page(page: int) -> tuple[int, ...]:
    """The classes of 256 characters that follow one another in Unicode."""
    return tuple(_class_of(chr(point)) for point in range(page << 8, (page + 1) << 8))


def _class_of(character: str) -> int:
    if character.isspace():
        return _SPACES
    return _CLASS_OF_CATEGORY.get(unicodedata.category(character)[0], CLASSES.index("other"))
