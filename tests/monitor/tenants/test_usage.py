"""Columns are known once a reference is fitted; then the quota of them is held."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from monitor.apply.registrar import Registrar
from monitor.kafka.connecting import Broker
from monitor.kafka.messages import Registration
from monitor.spec.model import Monitor
from monitor.spec.quotas import Quota
from monitor.sql import registry
from monitor.sql.database import Database, open_database
from monitor.sql.store import ArtifactStore
from monitor.tenants.usage import QuotaError, check_monitor, usage

N_COLUMNS = 4


class Six:
    """Every namespace may have six columns."""

    def of(self, _: str, /) -> Quota:
        return Quota(columns=6)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path}/driftmeter.db")
    yield opened
    opened.engine.dispose()


@pytest.fixture
def declared(
    database: Database, embedded_broker: Broker, tmp_path: Path
) -> Iterator[Callable[..., Registration]]:
    """Declares a monitor of some columns, and gives what became of it."""
    store = ArtifactStore(str(tmp_path / "store"))
    registrar = Registrar(database, store, embedded_broker, quotas=Six())

    def declare(name: str, n_columns: int = N_COLUMNS) -> Registration:
        path = tmp_path / f"{name}-{n_columns}.parquet"
        names = ["prediction", *(f"x{i}" for i in range(n_columns - 1))]
        parquet.write_table(pa.table({one: np.arange(500.0) for one in names}), path)
        with database.write() as connection:
            registry.put(connection, document(name, path), 1.0)
        registrar.tick(2.0)
        with database.read() as connection:
            found = registry.get(connection, name)
        assert found is not None
        return found

    yield declare
    registrar.close()


def document(name: str, reference: Path) -> Monitor:
    return Monitor.model_validate(
        {
            "apiVersion": "driftmeter.dev/v1",
            "kind": "Monitor",
            "metadata": {"name": name},
            "spec": {"reference": str(reference)},
        }
    )


def test_a_reference_that_has_too_many_columns_fails_and_says_the_limit(
    declared: Callable[..., Registration],
) -> None:
    assert declared("transit.a").state == "active"
    refused = declared("transit.b")
    assert (refused.state, refused.reason) == (
        "failed",
        (
            "with 4 more the monitors of the namespace 'transit' would have 8 columns, "
            "and may have 6"
        ),
    )
    assert declared("billing.a").state == "active"


def test_a_new_reference_of_the_same_monitor_takes_the_place_of_its_old_one(
    declared: Callable[..., Registration],
) -> None:
    assert declared("transit.a", 4).state == "active"
    assert declared("transit.a", 6).state == "active"


def test_what_was_in_force_stays_where_a_new_reference_is_too_much(
    database: Database, declared: Callable[..., Registration]
) -> None:
    declared("transit.a", 4)
    assert declared("transit.a", 7).state == "failed"
    with database.read() as connection:
        assert registry.in_force(connection)["transit.a"].revision == 1
        assert usage(connection)["transit"].columns == 4


def test_no_other_monitor_is_taken_once_the_columns_are_used_up(
    database: Database, declared: Callable[..., Registration]
) -> None:
    declared("transit.a", 6)
    with database.read() as connection:
        with pytest.raises(QuotaError, match="would have 7 columns, and may have 6"):
            check_monitor(connection, "transit.b", Six())
        check_monitor(connection, "billing.b", Six())
