"""Labels meet their predictions, by prediction id, in whichever order they come.

Predictions and labels of one id lie in partitions of the same number, so the join is local to a
partition. What it remembers is in the log and is read again when a partition moves.
"""

from dataclasses import dataclass
from typing import TypeAlias

MAX_PREDICTIONS = 200_000
"""Remembered of one monitor in one partition; the oldest are forgotten first."""

MAX_WAITING = 50_000
"""Labels of one monitor in one partition that may wait for their prediction."""

PATIENCE_S = 300.0
"""So long may a label wait for its prediction before it counts as unmatched."""

Value: TypeAlias = float | str | None


@dataclass(frozen=True, slots=True)
class Predicted:
    """A remembered prediction: when, what, and against which reference it was counted.

    values: of the columns that `Target.columns` names, the prediction first.
    """

    time: float
    values: tuple[Value, ...]
    reference_id: str


@dataclass(frozen=True, slots=True)
class Joined:
    """A label that met its prediction; `offset` is that of the label's message."""

    offset: int
    predicted: Predicted
    label: Value


@dataclass(frozen=True, slots=True)
class _Waiting:
    offset: int
    label: Value
    since: float


class Joiner:
    """The join of one monitor in one partition.

    The first prediction and the first label of an id count, in the order of the log.
    """

    def __init__(
        self, *, max_predictions: int = MAX_PREDICTIONS, max_waiting: int = MAX_WAITING
    ) -> None:
        self._max_predictions = max_predictions
        self._max_waiting = max_waiting
        self._predictions: dict[str, Predicted] = {}  # in order of arrival
        self._labelled: set[str] = set()
        self._waiting: dict[str, _Waiting] = {}

    def predict(self, prediction_id: str, predicted: Predicted) -> Joined | None:
        """Remembers a prediction; returns it with its label, if that came before it."""
        if prediction_id in self._predictions:
            return None
        self._predictions[prediction_id] = predicted
        waiting = self._waiting.pop(prediction_id, None)
        if waiting is None:
            return None
        self._labelled.add(prediction_id)
        return Joined(waiting.offset, predicted, waiting.label)

    def label(
        self, prediction_id: str, label: Value, *, offset: int, now: float
    ) -> Joined | str | None:
        """The label with its prediction; None if it has to wait for that; or why it never counts.

        now: seconds since 1970, the beginning of its wait.
        """
        if prediction_id in self._labelled or prediction_id in self._waiting:
            return "duplicate label"
        predicted = self._predictions.get(prediction_id)
        if predicted is not None:
            self._labelled.add(prediction_id)
            return Joined(offset, predicted, label)
        if len(self._waiting) >= self._max_waiting:
            return "unmatched label"
        self._waiting[prediction_id] = _Waiting(offset, label, now)
        return None

    def forget(self, *, before: float) -> int:
        """Forgets predictions from before an event time, and the oldest beyond the limit.

        Returns how many were forgotten for want of room, so that their labels cannot match.
        """
        outdated, n_excess = [], max(0, len(self._predictions) - self._max_predictions)
        for n, (prediction_id, predicted) in enumerate(self._predictions.items()):
            if n >= n_excess and predicted.time >= before:
                break
            outdated.append(prediction_id)
        n_lost = sum(
            prediction_id not in self._labelled and self._predictions[prediction_id].time >= before
            for prediction_id in outdated
        )
        for prediction_id in outdated:
            del self._predictions[prediction_id]
        self._labelled.difference_update(outdated)
        return n_lost

    def give_up(self, *, before: float) -> list[int]:
        """Ends the wait of labels that began it before a moment; returns their offsets."""
        late = [key for key, waiting in self._waiting.items() if waiting.since < before]
        return [self._waiting.pop(key).offset for key in late]

    def oldest_waiting(self, first: int) -> int | None:
        """The least offset, from `first` on, of a label that waits."""
        offsets = (w.offset for w in self._waiting.values() if w.offset >= first)
        return min(offsets, default=None)
