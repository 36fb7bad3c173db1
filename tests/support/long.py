"""The marks of a test, or of one of its parameters, that takes minutes."""

import pytest

LONG = (pytest.mark.long, pytest.mark.timeout(900))

on_sqlite = pytest.mark.parametrize(
    "database_url", ["sqlite", pytest.param("postgres", marks=LONG)], indirect=True
)
"""What takes many transactions, each of which other tests try on both."""
