"""Which topics of others are consumed, and what is in them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

_PLAIN = r"[\w.-]+"


class Kind(StrEnum):
    """What the messages of a topic hold: rows, or one side of a model's answers."""

    PREDICTIONS = "predictions"
    LABELS = "labels"
    REQUESTS = "inputs"
    ANSWERS = "outputs"


class SourceError(ValueError):
    """Topics that cannot be consumed; the message says why."""


@dataclass(frozen=True, slots=True)
class Source:
    """name: of the monitor, or where the messages are sides of the model; None where each message
    names its monitor itself.
    """

    kind: Kind
    name: str | None


@dataclass(frozen=True, slots=True)
class Sources:
    """rows: topics with rows. seldon: beginnings of the names of Seldon Core 2's topics, up to
    ".model.", such as "seldon.default".

    https://docs.seldon.ai/seldon-core-2/user-guide/data-science-monitoring/dataflow
    """

    rows: Mapping[str, Source]
    seldon: Sequence[str] = ()
    _sides: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        prefixes = "|".join(map(re.escape, self.seldon)) or "(?!)"
        sides = rf"(?:{prefixes})\.model\.(?P<model>{_PLAIN})\.(?P<side>inputs|outputs)"
        object.__setattr__(self, "_sides", re.compile(sides))

    @classmethod
    def of_flags(
        cls, predictions: Sequence[str], labels: Sequence[str], seldon: Sequence[str]
    ) -> Self:
        """From TOPIC or TOPIC=MONITOR. Raises SourceError."""
        rows: dict[str, Source] = {}
        for kind, texts in ((Kind.PREDICTIONS, predictions), (Kind.LABELS, labels)):
            for text in texts:
                topic, _, monitor = text.partition("=")
                if topic in rows:
                    raise SourceError(f"the topic {topic} is named twice")
                rows[topic] = Source(kind, monitor or None)
        if not rows and not seldon:
            raise SourceError("nothing to consume: name topics, as --help shows")
        return cls(rows, seldon)

    @property
    def pattern(self) -> str:
        """A regular expression of all topics, those that are made later too."""
        return "^(?:" + "|".join([*map(re.escape, self.rows), self._sides.pattern]) + ")$"

    def of(self, topic: str) -> Source | None:
        """What a topic holds; None for a topic that is not consumed."""
        if found := self.rows.get(topic):
            return found
        match = self._sides.fullmatch(topic)
        return Source(Kind(match["side"]), match["model"]) if match else None
