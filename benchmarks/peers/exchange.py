"""How a benchmark asks a peer: arrays in an .npz file, the answer in JSON.

This is the one module that both sides import, so it needs NumPy alone. A *strength* is how far a
column, or a window as a whole, has drifted by a peer's own measure, 1 being where the peer begins
to call it drift with its default threshold: so an alarm is any strength of at least 1.
"""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A reference, and windows that are each to be compared with it.

    reference_numbers: (rows, numbers). reference_codes: (rows, categories) of integers.
    numbers: (windows, rows, numbers). codes: (windows, rows, categories).
    """

    reference_numbers: Array
    reference_codes: Array
    numbers: Array
    codes: Array

    def save(self, path: Path) -> None:
        np.savez(path, **asdict(self))

    @staticmethod
    def load(path: Path) -> "Question":
        with np.load(path, allow_pickle=False) as arrays:
            return Question(**arrays)

    @property
    def n_windows(self) -> int:
        return len(self.numbers)

    @property
    def window_rows(self) -> int:
        return int(self.numbers.shape[1])

    @property
    def number_names(self) -> list[str]:
        return [f"x{i}" for i in range(self.reference_numbers.shape[1])]

    @property
    def category_names(self) -> list[str]:
        return [f"k{i}" for i in range(self.reference_codes.shape[1])]


Strengths = Mapping[str, Array]
"""By setting of the peer, (windows, columns): or (windows, 1) where it judges all at once."""


def p_strength(p_values: Array, threshold: float | Array) -> Array:
    """Strengths of p-values that call drift below the threshold."""
    strengths: Array = np.log(np.maximum(p_values, 1e-300)) / np.log(threshold)
    return strengths


def answer(judge: Callable[[Question], Strengths]) -> None:
    """What a peer's script does: `python -m SCRIPT QUESTION.npz ANSWER.json`."""
    question, reply = map(Path, sys.argv[1:])
    strengths = judge(Question.load(question))
    plain = {name: np.round(array, 6).tolist() for name, array in strengths.items()}
    reply.write_text(json.dumps(plain))
