import pytest

from monitor.aggregate.layout import CHECK_S, PATIENCE_S, Layout
from monitor.kafka.messages import Topics
from monitor.kafka.publishing import DeliveryError
from monitor.kafka.records import TopicsError
from tests.support.log import Log

TOPICS = Topics("t.")


class Partitions(Log):
    """A broker whose topics have as many partitions as it is told; None is a broker away."""

    def __init__(self, predictions: int | None, labels: int) -> None:
        super().__init__()
        self.predictions, self.labels = predictions, labels

    def n_partitions(self, topic: str) -> int:
        if self.predictions is None:
            raise DeliveryError("the broker is away")
        return self.predictions if topic == TOPICS.predictions else self.labels


def test_as_many_of_both_is_well() -> None:
    Layout(TOPICS, Partitions(4, 4)).check()


def test_more_of_one_is_refused_with_what_to_do() -> None:
    with pytest.raises(TopicsError, match=r"4 partitions and t.labels 3.*the same number"):
        Layout(TOPICS, Partitions(4, 3)).check()


def test_whoever_adds_partitions_has_time_to_add_them_to_both() -> None:
    partitions = Partitions(6, 4)
    layout = Layout(TOPICS, partitions)
    layout.watch(100.0)
    layout.watch(100.0 + PATIENCE_S - CHECK_S)
    partitions.labels = 6
    layout.watch(100.0 + PATIENCE_S)
    partitions.predictions = 8
    layout.watch(100.0 + PATIENCE_S + CHECK_S)


def test_topics_that_stay_uneven_are_refused() -> None:
    layout = Layout(TOPICS, Partitions(6, 4))
    layout.watch(100.0)
    with pytest.raises(TopicsError):
        layout.watch(100.0 + PATIENCE_S)


def test_a_broker_that_is_away_is_asked_again() -> None:
    layout = Layout(TOPICS, Partitions(None, 4))
    for elapsed in (0.0, CHECK_S, 10 * PATIENCE_S):
        layout.watch(elapsed)
