from monitor.kafka.messages import Registration
from monitor.sql import registry
from monitor.sql.database import Database
from tests.support.counted import SCHEMA, monitor


def put(database: Database, name: str = "seats", **spec: object) -> Registration:
    with database.write() as connection:
        return registry.put(connection, monitor(name, **spec), 1.0)


def activate(database: Database, registration: Registration) -> Registration:
    with database.write() as connection:
        return registry.activate(connection, registration, "sha256:00", SCHEMA)


def fail(database: Database, registration: Registration) -> Registration:
    with database.write() as connection:
        return registry.fail(connection, registration, "no such file")


def in_force(database: Database) -> dict[str, int]:
    with database.read() as connection:
        return {name: found.revision for name, found in registry.in_force(connection).items()}


def test_a_new_monitor_is_resolving(database: Database) -> None:
    put(database)
    with database.read() as connection:
        found = registry.get(connection, "seats")
        assert found is not None
        assert (found.revision, found.state, found.monitor) == (1, "resolving", monitor())
        assert registry.resolving(connection) == [found]
        assert registry.in_force(connection) == {}


def test_a_revision_comes_into_force_when_its_reference_is_fitted(database: Database) -> None:
    active = activate(database, put(database))
    with database.read() as connection:
        assert registry.in_force(connection) == {"seats": active}
        assert registry.resolving(connection) == []
    assert (active.reference_id, active.schema) == ("sha256:00", SCHEMA)


def test_the_same_document_again_is_no_new_revision(database: Database) -> None:
    first = put(database)
    assert put(database) == first
    active = activate(database, first)
    assert put(database) == active


def test_a_changed_document_is_the_next_revision(database: Database) -> None:
    put(database)
    assert put(database, windows=["1d"]).revision == 2


def test_a_document_that_failed_is_tried_again(database: Database) -> None:
    fail(database, put(database))
    again = put(database)
    assert (again.revision, again.state) == (2, "resolving")


def test_an_earlier_revision_stays_in_force_while_a_later_one_is_not(database: Database) -> None:
    activate(database, put(database))
    second = put(database, windows=["1d"])
    assert in_force(database) == {"seats": 1}
    fail(database, second)
    assert in_force(database) == {"seats": 1}
    activate(database, put(database, windows=["2h"]))
    assert in_force(database) == {"seats": 3}


def test_a_deleted_monitor_is_not_in_force_and_its_name_may_be_used_again(
    database: Database,
) -> None:
    activate(database, put(database))
    with database.write() as connection:
        ended = registry.delete(connection, "seats", 2.0)
        assert ended is not None
        assert (ended.revision, ended.state) == (2, "deleted")
        assert registry.delete(connection, "seats", 2.0) is None
    assert in_force(database) == {}
    assert activate(database, put(database)).revision == 3
    assert in_force(database) == {"seats": 3}


def test_deleting_what_is_not_there_says_so(database: Database) -> None:
    with database.write() as connection:
        assert registry.delete(connection, "seats", 2.0) is None


def test_monitors_are_apart(database: Database) -> None:
    activate(database, put(database, "a"))
    activate(database, put(database, "b"))
    with database.read() as connection:
        assert list(registry.latest(connection)) == ["a", "b"]


def test_progress_is_the_reason_while_resolving(database: Database) -> None:
    registration = put(database)
    with database.write() as connection:
        registry.note(connection, registration, "12 of 100")
        found = registry.get(connection, "seats")
    assert found is not None
    assert (found.state, found.reason) == ("resolving", "12 of 100")


def test_a_paused_monitor_keeps_its_reference_and_comes_back_as_it_was(database: Database) -> None:
    active = activate(database, put(database))
    with database.write() as connection:
        paused = registry.pause(connection, "seats", 2.0)
        assert paused is not None
        assert (paused.revision, paused.state, paused.monitor.spec.paused) == (2, "active", True)
        assert (paused.reference_id, paused.schema) == (active.reference_id, active.schema)
        assert registry.pause(connection, "seats", 3.0) == paused
        assert registry.in_force(connection) == {"seats": paused}
        resumed = registry.pause(connection, "seats", 4.0, paused=False)
        assert resumed is not None
        assert (resumed.revision, resumed.monitor.to_json()) == (3, active.monitor.to_json())


def test_what_was_never_in_force_cannot_be_paused(database: Database) -> None:
    put(database)
    with database.write() as connection:
        assert registry.pause(connection, "seats", 2.0) is None
        assert registry.pause(connection, "trams", 2.0) is None


def test_any_revision_can_be_read(database: Database) -> None:
    first = activate(database, put(database))
    put(database, windows=["1d"])
    with database.read() as connection:
        assert registry.at(connection, "seats", 1) == first
        assert registry.at(connection, "seats", 3) is None
