"""Two-sample tests of rows drawn from two files."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from detectors.columns import ColumnType, Field, Role, Rows
from detectors.report.sample import RowTest
from detectors.samples import Mixed, sample_tests
from monitor.files import column_values

MOST_ROWS = 5_000
"""Of a file, drawn at random where there are more: the tests take the square of their number."""


def row_tests(
    reference: pa.Table,
    current: pa.Table,
    types: Mapping[str, ColumnType],
    *,
    roles: Mapping[str, Role],
    names: Sequence[str],
) -> tuple[RowTest, ...]:
    """names: of `detectors.samples.SAMPLE_TESTS`. Columns are compared as `types` says; the label
    is not among them. None without a column to compare; the same files give the same answer."""
    fields = [
        Field(name, type_, roles.get(name, Role.FEATURE))
        for name, type_ in types.items()
        if roles.get(name) is not Role.LABEL
    ]
    if not fields:
        return ()
    rng = np.random.default_rng(0)
    ours, theirs = (_drawn(table, fields, rng) for table in (reference, current))
    return sample_tests(names, Mixed.fit(fields, ours), ours, theirs, seed=0)


def _drawn(table: pa.Table, fields: Sequence[Field], rng: np.random.Generator) -> Rows:
    chosen = np.sort(rng.permutation(len(table))[:MOST_ROWS])
    some = table.select([field.name for field in fields]).take(pa.array(chosen))
    columns = {field.name: column_values(some.column(field.name), field.type) for field in fields}
    return Rows(columns, len(some))
