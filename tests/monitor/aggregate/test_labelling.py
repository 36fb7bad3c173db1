"""Labels on logs that are lists: joined, corrected, counted once."""

import numpy as np
import pytest

from detectors.profile import Profile, count_labels
from detectors.profile.outcomes import moments_of
from detectors.profile.profiles import DELAYS_S
from detectors.reference import Reference
from monitor import batches
from tests.support.aggregated import (
    LABELS,
    PREDICTIONS,
    SIZE,
    TOPICS,
    World,
    hash_of,
    labelled,
    outcome,
    predicted,
)
from tests.support.counted import HOUR, monitor, record, registered


def test_a_label_is_counted_in_the_pane_of_its_prediction(world: World) -> None:
    world.read(predicted(0, ["a", "b"], [10.0, HOUR + 10.0]))
    world.read(labelled(0, ["b"], [5.0]))
    world.flush()
    panes = world.panes()
    value = np.array([2 * hash_of("b")])
    expected = count_labels(value, np.array([5.0]), world.reference)
    assert np.array_equal(panes[HOUR].outcomes, expected.outcomes)
    assert panes[HOUR].n_labelled == 1
    assert panes[0.0].n_labelled == 0


def test_an_early_label_waits_and_its_stretch_is_not_committed(world: World) -> None:
    world.read(*(labelled(i, [f"{i}"], [1.0]) for i in range(9)))
    world.flush()
    assert world.committed[LABELS] == 0
    world.read(predicted(0, [f"{i}" for i in range(9)], [1.0] * 9))
    world.flush()
    assert world.committed[LABELS] == 8
    assert world.panes()[0.0].n_labelled == 9


def test_a_label_whose_prediction_never_comes_is_given_up_and_counted(world: World) -> None:
    world.read(*(labelled(i, [f"{i}"], [1.0]) for i in range(5)), now=100.0)
    world.aggregator.note_ends({PREDICTIONS: 0}, 0.0)
    world.aggregator.give_up_waiting(now=5_000.0)
    world.flush()
    assert world.committed[LABELS] == 4
    assert world.skipped("unmatched label") == 5


def test_nobody_gives_up_while_predictions_are_still_to_be_read(world: World) -> None:
    world.read(labelled(0, ["a"], [1.0]), now=100.0)
    world.aggregator.note_ends({PREDICTIONS: 10}, 0.0)
    world.aggregator.give_up_waiting(now=5_000.0)
    assert world.skipped("unmatched label") == 0


def test_duplicate_and_missing_labels_are_counted_by_reason(world: World) -> None:
    world.read(predicted(0, ["a", "b"], [1.0, 1.0]))
    world.read(labelled(0, ["a", "a", "b"], [1.0, 1.0, None]))
    world.flush()
    assert world.panes()[0.0].n_labelled == 1
    assert (world.skipped("duplicate label"), world.skipped("no label")) == (1, 1)


def realised_error(world: World, pane: float = 0.0) -> float:
    """Mean absolute error of a pane's labelled predictions."""
    n, moments = moments_of(world.panes()[pane].outcomes, world.target)
    assert n == world.panes()[pane].n_labelled
    return moments["absolute"] * world.target.unit


def test_the_last_label_wins_whichever_stretch_it_lies_in(world: World) -> None:
    world.read(predicted(0, ["a", "b"], [1.0, 1.0]))
    truths = {"a": [9.0, 4.0, 6.0], "b": [1.0, 1.0, 8.0]}
    labels = [
        labelled(i * SIZE + j, [k], [truths[k][i]]) for i in range(3) for j, k in enumerate("ab")
    ]
    world.read(*labels)
    world.flush()
    errors = [abs(2 * hash_of(k) - truths[k][-1]) for k in "ab"]
    assert realised_error(world) == pytest.approx(np.mean(errors), abs=1e-3)
    assert world.corrected() == 3
    assert world.skipped("duplicate label") == 1


def test_a_correction_that_is_read_again_changes_nothing(world: World) -> None:
    log = [predicted(0, ["a"], [1.0]), *(labelled(i, ["a"], [1.0 + i % 3]) for i in range(9))]
    world.read(*log)
    world.flush()
    before = outcome(world)
    world.start()
    world.read(*log)
    world.flush()
    assert outcome(world) == before


def test_segments_with_corrections_are_read_back(world: World) -> None:
    world.read(predicted(0, ["a"], [1.0]), labelled(0, ["a"], [1.0]), labelled(SIZE, ["a"], [2.0]))
    world.flush()
    for _, profile in world.published.values():
        assert Profile.from_bytes(profile.to_bytes(), world.reference) == profile


def test_the_delay_of_a_label_is_counted_once(world: World) -> None:
    world.read(predicted(0, ["a", "b"], [10.0, 1000.0]))
    times = {"a": 10.0 + 2 * HOUR, "b": 900.0}
    for offset, (name, value) in enumerate([("a", 1.0), ("b", 1.0), ("a", 2.0)]):
        batch = batches.labels([name], [times[name] + offset], [value])
        world.read(record(TOPICS.labels, offset, batch))
    world.flush()
    delays = world.panes()[0.0].delays
    assert {DELAYS_S[i - 1] if i else 0.0: n for i, n in enumerate(delays.tolist()) if n} == {
        0.0: 1,
        3600.0: 1,
    }


def test_a_duplicate_is_recognised_after_a_restart(world: World) -> None:
    log = [predicted(0, ["a"], [1.0]), *(labelled(i, ["a"], [1.0 + i]) for i in range(SIZE))]
    world.read(*log)
    world.flush()
    assert world.committed[LABELS] == SIZE
    world.start()
    world.read(*log, labelled(SIZE, ["a"], [9.0]))
    world.flush()
    assert world.panes()[0.0].n_labelled == 1


def test_a_label_counts_against_the_reference_of_its_prediction(
    world: World, reference: Reference
) -> None:
    world.read(predicted(0, ["a"], [1.0]))
    world.registrations["seats"] = registered(reference, monitor(label="truth"), revision=2)
    world.read(labelled(0, ["a"], [1.0]))
    assert {segment.reference_id for segment, _ in world.aggregator.changed()} == {reference.id}


def test_labels_that_nobody_expects_are_skipped(world: World) -> None:
    world.register()
    world.read(predicted(0, ["a"], [1.0]), labelled(0, ["a"], [1.0]))
    assert world.skipped("labels not expected") == 1
