"""A check as a JSON document with stable keys."""

from typing import Any

import orjson

from monitor.check.comparison import Check

VERSION = 1
"""Grows when a key is renamed, removed or changes its meaning; new keys may appear without."""


def as_json(check: Check, names: tuple[str, str]) -> str:
    """The whole check; a number that is undefined or infinite is null.

    names: of the two files. Top-level keys: version, verdict ("drift", "quiet", "undecided"),
    alpha, reference and current (path, n_rows), n_columns, n_drifted, columns (the strongest
    first), error (of the model, or null), sample_tests and notes. Keys of a column: those of
    `monitor.check.comparison.ColumnCheck`; of a test, `detectors.report.sample.RowTest`.
    """
    document: dict[str, Any] = {
        "version": VERSION,
        "verdict": check.verdict,
        "alpha": check.alpha,
        "reference": {"path": names[0], "n_rows": check.n_reference},
        "current": {"path": names[1], "n_rows": check.n_current},
        "n_columns": len(check.columns),
        "n_drifted": len(check.drifted),
        "columns": check.columns,
        "error": check.error,
        "sample_tests": check.row_tests,
        "notes": check.notes,
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()
