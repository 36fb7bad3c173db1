"""What a board is made of."""

from dataclasses import dataclass
from typing import Literal

from dashboards.queries import Query


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """Lines over time.

    unit: Grafana's name for it. dashed: a pattern of the series that are limits, drawn dashed.
    limit: a value to stay below, drawn as a dashed line. empty: said where there is no data.
    first: of many series those that the legend, which then stands beside, names first.
    """

    title: str
    description: str
    unit: str
    queries: tuple[Query, ...]
    dashed: str | None = None
    limit: float | None = None
    scale: Literal["linear", "log"] = "linear"
    empty: str = "nothing yet"
    first: Literal["largest", "smallest"] | None = None


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


@dataclass(frozen=True, slots=True)
class Limits:
    """From which value on something deserves a look, or is wrong. Colours of a number.

    rising: whether larger is worse; else smaller is, and the colours change below the values.
    """

    warning: float
    critical: float
    rising: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """One number: the last of a query that finds one series."""

    title: str
    description: str
    unit: str
    query: Query
    limits: Limits

    @property
    def queries(self) -> tuple[Query, ...]:
        return (self.query,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """Of a table: a value for each row, or a label of its query. names: as in `States`."""

    title: str
    unit: str
    expr: str
    names: tuple[tuple[int, str, str], ...] = ()
    limits: Limits | None = None
    label: str | None = None
    """Shown in the value's place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What is known now, a row for each value of a label.

    linked: the board, by its name, that a row's label leads to. sort: a column, largest first.
    """

    title: str
    description: str
    label: str
    linked: str
    sort: str
    columns: tuple[Column, ...]

    @property
    def queries(self) -> tuple[Query, ...]:
        return tuple(Query(column.expr, _legend(self, column)) for column in self.columns)


def _legend(table: Table, column: Column) -> str:
    labels = (table.label, *([column.label] if column.label else ()))
    return " ".join(f"{{{{{label}}}}}" for label in labels)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """The values of now beside each other, largest first.

    most: of the scale; None fits it. empty: said where there is no data.
    """

    title: str
    description: str
    unit: str
    query: Query
    most: float | None = None
    empty: str = "nothing yet"

    @property
    def queries(self) -> tuple[Query, ...]:
        return (self.query,)


Panel = Graph | States | Number | Table | Bars


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    title: str
    panels: tuple[Panel, ...]


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
    def panels(self) -> tuple[Panel, ...]:
        return tuple(panel for row in self.rows for panel in row.panels)
