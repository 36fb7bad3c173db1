"""What every subscription answers to a monitor's windows, and what is kept of it."""

import pytest

from alerts.retraining.lifecycle import RetrainState
from alerts.retraining.policy import Answer
from monitor.retraining import asking, news, records, subscriptions
from monitor.retraining.news import News
from monitor.sql import registry
from monitor.sql.database import Database, open_database
from tests.monitor.retraining.days import NOW, Days, monitor, subscription
from tests.support.long import on_sqlite


def states(database: Database) -> list[str]:
    with database.read() as connection:
        return [record.state for record in records.latest(connection)]


def tell(database: Database, said: str) -> None:
    """What the pipeline says of the retrain that is in flight."""
    with database.write() as connection:
        [record] = records.latest(connection, state=RetrainState.REQUESTED)
        news.take(connection, record, News.model_validate({"state": said}), by="test", now=NOW)


def test_an_incident_makes_one_request(database: Database) -> None:
    days = Days(database, monitor({"cooldown": "0s"}))
    assert days.drift() == [Answer.REQUESTED]
    assert days.drift() == [Answer.SAME_INCIDENT]
    assert states(database) == ["requested"]


def test_a_monitor_that_speaks_of_no_retrain_makes_none(database: Database) -> None:
    assert Days(database, monitor()).drift() == []


def test_while_one_is_in_flight_the_next_incident_waits(database: Database) -> None:
    days = Days(database, monitor({"cooldown": "0s"}))
    days.drift()
    days.quiet()
    assert days.drift() == [Answer.IN_FLIGHT]
    tell(database, "succeeded")
    assert days.drift() == [Answer.REQUESTED]


def test_windows_of_the_model_before_the_promotion_ask_for_nothing(database: Database) -> None:
    watched = monitor({"cooldown": "0s"})
    with database.write() as connection:
        registry.put(connection, watched, NOW)
    days = Days(database, watched)
    days.drift()
    with database.write() as connection:
        [record] = records.latest(connection)
        said = {"state": "promoted", "reference": {"url": "new.parquet"}}
        news.take(connection, record, News.model_validate(said), by="test", now=NOW)
    days.quiet()
    assert days.drift() == [Answer.ANSWERED]
    days.revision = 2
    assert days.drift() == [Answer.REQUESTED]


def test_the_cooldown_outlives_a_restart(database: Database, database_url: str) -> None:
    days = Days(database, monitor({"cooldown": "7d"}))
    days.drift()
    tell(database, "succeeded")
    days.quiet()
    again = open_database(database_url)
    days.database = again
    assert [days.drift() for _ in range(6)] == [[Answer.COOLDOWN]] * 5 + [[Answer.REQUESTED]]
    again.engine.dispose()


def test_so_many_of_so_many_windows_are_waited_for(database: Database) -> None:
    days = Days(database, monitor({"windows": "2 of 3"}))
    assert days.drift() == [Answer.TOO_FEW_WINDOWS]
    days.quiet()
    assert days.drift() == [Answer.REQUESTED]


def test_windows_that_are_long_past_count_no_more(database: Database) -> None:
    days = Days(database, monitor({"windows": "2 of 3"}))
    days.drift()
    days.quiet()
    days.quiet()
    assert days.drift() == [Answer.TOO_FEW_WINDOWS]


def test_a_subscription_chooses_monitors_by_label(database: Database) -> None:
    with database.write() as connection:
        subscriptions.put(connection, subscription(select={"labels": {"team": "transit"}}), NOW)
        subscriptions.put(
            connection, subscription("others", select={"labels": {"team": "pricing"}}), NOW
        )
    assert Days(database, monitor(team="transit")).drift() == [Answer.REQUESTED]
    with database.read() as connection:
        [record] = records.latest(connection)
        [decision] = asking.decisions(connection)
    assert record.subscription == "nightly"
    assert (decision["subscription"], decision["answer"]) == ("nightly", "requested")


def test_of_two_subscriptions_one_asks(database: Database) -> None:
    with database.write() as connection:
        subscriptions.put(connection, subscription(), NOW)
    assert Days(database, monitor({})).drift() == [Answer.REQUESTED, Answer.SAME_INCIDENT]


def test_a_dry_run_holds_nothing_back(database: Database) -> None:
    with database.write() as connection:
        subscriptions.put(connection, subscription("a-trial", dry_run=True), NOW)
        subscriptions.put(connection, subscription("in-earnest"), NOW)
    days = Days(database, monitor())
    assert days.drift() == [Answer.DRY_RUN, Answer.REQUESTED]
    assert days.drift() == [Answer.SAME_INCIDENT, Answer.SAME_INCIDENT]
    assert sorted(states(database)) == ["dry_run", "requested"]


def test_what_waits_for_approval_is_asked_for_when_it_has_it(database: Database) -> None:
    days = Days(database, monitor({"approval": True, "cooldown": "0s"}))
    assert days.drift() == [Answer.AWAITING_APPROVAL]
    with database.write() as connection:
        [record] = records.latest(connection)
        assert records.to_send(connection) == []
        assert news.approve(connection, record, by="person", now=NOW)
        assert not news.reject(connection, record, by="person", now=NOW)
        assert len(records.to_send(connection)) == 1


def test_what_was_rejected_is_not_asked_for_again_in_the_incident(database: Database) -> None:
    days = Days(database, monitor({"approval": True, "cooldown": "0s"}))
    days.drift()
    with database.write() as connection:
        [record] = records.latest(connection)
        assert news.reject(connection, record, by="person", now=NOW)
    assert days.drift() == [Answer.SAME_INCIDENT]
    days.quiet()
    assert days.drift() == [Answer.AWAITING_APPROVAL]


@on_sqlite
@pytest.mark.timeout(600)
def test_a_thousand_drifting_windows_make_no_more_requests_than_the_budget(
    database: Database, database_url: str
) -> None:
    """Every other window is quiet, so that each is an incident of its own; every 50th the process
    starts anew, and every request is answered."""
    days = Days(database, monitor({"cooldown": "3d", "per_day": 1}))
    opened = []
    n_requests = 0
    for n in range(1000):
        if n % 50 == 0:
            days.database = open_database(database_url)
            opened.append(days.database)
        answers = days.drift()
        if answers == [Answer.REQUESTED]:
            n_requests += 1
            tell(days.database, "failed")
        days.quiet()
    for one in opened:
        one.engine.dispose()
    # Windows drift on even days: the first that is three days on is the fourth day.
    assert n_requests == 500
    with database.read() as connection:
        assert records.counts(connection) == {("free-seats", RetrainState.FAILED): 500}


@on_sqlite
@pytest.mark.timeout(600)
def test_a_thousand_drifting_windows_in_a_row_make_one_request(database: Database) -> None:
    days = Days(database, monitor({"cooldown": "0s"}))
    answers = [days.drift() for _ in range(1000)]
    assert answers == [[Answer.REQUESTED]] + [[Answer.SAME_INCIDENT]] * 999


def test_nothing_is_asked_for_while_nobody_answers(database: Database) -> None:
    days = Days(database, monitor({"cooldown": "0s"}))
    asked = []
    for _ in range(20):
        asked += days.drift()
        days.quiet()
    assert asked == [Answer.REQUESTED] + [Answer.IN_FLIGHT] * 19
    with database.read() as connection:
        assert records.counts(connection) == {("free-seats", RetrainState.REQUESTED): 1}


def test_a_request_names_the_model_and_its_version(database: Database) -> None:
    days = Days(database, monitor({}))
    days.model_version = "7"
    days.drift()
    with database.read() as connection:
        [record] = records.latest(connection)
    assert record.event["data"]["retrain"]["model"] == {"name": "free-seats", "version": "7"}
