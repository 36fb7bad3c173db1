"""What a board is made of."""

from dataclasses import dataclass
from typing import Literal

from dashboards.queries import Query


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """Lines over time.

    unit: Grafana's name for it. dashed: a pattern of the series that are limits, drawn dashed.
    """

    title: str
    description: str
    unit: str
    queries: tuple[Query, ...]
    dashed: str | None = None
    scale: Literal["linear", "log"] = "linear"


@dataclass(frozen=True, slots=True, kw_only=True)
class States:
    """Coloured bands over time: one query whose values have names."""

    title: str
    description: str
    query: Query
    names: tuple[tuple[int, str, str], ...]
    """Value, name, colour."""

    @property
    def queries(self) -> tuple[Query, ...]:
        return (self.query,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    title: str
    panels: tuple[Graph | States, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One dashboard. name: of its file and, after "driftmeter-", of its address.

    question: what it answers, for whoever looks at it first.
    """

    name: str
    title: str
    question: str
    rows: tuple[Row, ...]

    @property
    def panels(self) -> tuple[Graph | States, ...]:
        return tuple(panel for row in self.rows for panel in row.panels)
