"""Classifiers whose probabilities are known, and their labels."""

from dataclasses import dataclass

import numpy as np

from detectors.columns import Coded, Column, Floats, Rows
from detectors.output import Output
from detectors.target import Target

CLASSES = ("cat", "dog", "emu", "fox")


@dataclass(frozen=True)
class Classified:
    """What a model said of n rows, with what is true: Python's own view of it."""

    rows: Rows
    labels: Coded
    target: Target
    predicted: list[str]
    true: list[str]
    probabilities: Floats

    @property
    def columns(self) -> dict[str, Column]:
        return dict(self.rows.columns)


def coded(names: list[str], levels: tuple[str, ...]) -> Coded:
    return Coded(np.array([levels.index(name) for name in names], dtype=np.int32), levels)


def binary(n: int = 3_000, seed: int = 0, *, rare: float = 0.0, digits: int = 12) -> Classified:
    """Probabilities of "yes", overconfident; groups "sex" of which one is favoured."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(-rare, 1.5, n)
    p = np.round(1 / (1 + np.exp(-1.5 * odds)), digits)
    levels = ("no", "yes")
    true = [levels[k] for k in (rng.random(n) < 1 / (1 + np.exp(-odds))).astype(int)]
    predicted = [levels[k] for k in (p > 0.5).astype(int)]
    sexes = [("f", "m")[k] for k in (rng.random(n) < 0.3 + 0.4 * (p > 0.5)).astype(int)]
    columns: dict[str, Column] = {
        "said": coded(predicted, levels),
        "p": p,
        "sex": coded(sexes, ("f", "m")),
    }
    rows, labels = Rows(columns, n), coded(true, levels)
    output = Output("said", probabilities={"yes": "p"}, groups=("sex",))
    target = Target.fit(output, rows, labels)
    return Classified(rows, labels, target, predicted, true, np.column_stack([1 - p, p]))


def multiclass(n: int = 3_000, seed: int = 0) -> Classified:
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (n, len(CLASSES))) + np.array([1.0, 0.5, 0.0, -1.0])
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    true = [CLASSES[rng.choice(len(CLASSES), p=row)] for row in p**0.8 / (p**0.8).sum(1)[:, None]]
    predicted = [CLASSES[k] for k in p.argmax(axis=1)]
    columns: dict[str, Column] = {f"p_{name}": p[:, k] for k, name in enumerate(CLASSES)}
    columns["said"] = coded(predicted, CLASSES)
    rows, labels = Rows(columns, n), coded(true, CLASSES)
    output = Output("said", probabilities={name: f"p_{name}" for name in CLASSES})
    target = Target.fit(output, rows, labels)
    return Classified(rows, labels, target, predicted, true, p)
