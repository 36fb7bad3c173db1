from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from detectors.artifact import Artifact, pack, unpack
from detectors.bins.probability_bins import TENTHS
from detectors.columns import Coded, Rows
from detectors.labels import Task
from detectors.output import N_CLASSES, N_GROUPS, Output
from detectors.schema import ReferenceError  # noqa: A004  # the other one is about weak references
from detectors.target import Target
from tests.detectors.performance.makers import CLASSES, binary, coded, multiclass

NUMBERS = Rows({"y": np.array([1.0, 3.0, np.nan]), "p": np.array([0.1, 0.2, 0.3])}, 3)


def of_levels(*levels: str, output: Output | None = None) -> Target:
    rows = Rows({"said": coded(list(levels), levels), "p": np.zeros(len(levels))}, len(levels))
    return Target.fit(output or Output("said"), rows, None)


@pytest.mark.parametrize("target", [binary().target, multiclass().target, of_levels("a")])
def test_a_target_reads_back_as_it_was(target: Target) -> None:
    read = Target.from_artifact(unpack("target", pack("target", target.to_artifact())))
    assert (read.classes, read.positive, read.groups) == (
        target.classes,
        target.positive,
        target.groups,
    )
    assert (read.probabilities, read.shapes) == (target.probabilities, target.shapes)
    np.testing.assert_array_equal(read.edges, target.edges)
    assert pack("target", read.to_artifact()) == pack("target", target.to_artifact())


DAMAGES: Mapping[str, dict[str, Any]] = {
    "a probability of no class": {"classes": ("no",), "positive": "no"},
    "a class twice": {"classes": ("no", "yes", "yes")},
    "a positive class that is none": {"positive": "maybe"},
    "a unit of nothing": {"unit": 0.0},
    "edges of another probability": {"edges": np.zeros((2, 9))},
    "edges that fall": {"edges": np.array([[0.2, 0.1]])},
    "too many groups": {"groups": {"sex": tuple(map(str, range(N_GROUPS + 1)))}},
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_target_is_refused(damage: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        Target.from_artifact(replace(binary(100).target, **damage).to_artifact())


def test_a_name_that_is_no_text_is_refused() -> None:
    sound = binary(100).target.to_artifact()
    with pytest.raises(ValueError, match="texts"):
        Target.from_artifact(Artifact(sound.meta | {"classes": ["no", 1]}, sound.arrays))


def test_the_positive_of_two_classes_is_the_later_one_unless_it_is_named() -> None:
    assert of_levels("no", "yes").positive == "yes"
    assert of_levels("true", "false").positive == "true"
    assert of_levels("a", "b", "c").positive is None
    assert of_levels("no", "yes", output=Output("said", positive="no")).positive == "no"
    assert of_levels("no", "yes", output=Output("said", probabilities={"no": "p"})).positive == "no"


def test_of_two_classes_one_probability_says_all() -> None:
    rows = Rows({"said": coded(["a", "b"], ("a", "b")), "p": np.zeros(2), "q": np.ones(2)}, 2)
    target = Target.fit(Output("said", probabilities={"a": "p", "b": "q"}), rows, None)
    assert dict(target.probabilities) == {"b": "q"}
    assert (target.is_binary, target.is_complete) == (True, True)


def test_named_classes_are_known_however_rare() -> None:
    levels = tuple(f"class {i:03}" for i in range(100))
    target = of_levels(
        *levels, output=Output("said", probabilities={"zebra": "p"}, positive="class 099")
    )
    assert len(target.classes) == N_CLASSES
    assert {"zebra", "class 099", "class 000"} <= {*target.classes}


def test_labels_make_classes_too() -> None:
    rows = Rows({"said": coded(["a"], ("a",))}, 1)
    assert Target.fit(Output("said"), rows, coded(["z"], ("y", "z"))).classes == ("a", "z")


def test_numbers_have_a_unit_and_a_centre_by_their_labels() -> None:
    target = Target.fit(Output("y"), NUMBERS, np.array([10.0, 20.0, np.inf]))
    assert (target.task, target.centre, target.unit) == (Task.REGRESSION, 15.0, 5.0)
    assert Target.fit(Output("y"), NUMBERS, None).unit == 1.0
    assert Target.fit(Output("y"), NUMBERS, np.full(3, 7.0)).unit == 1.0
    constant = Target.fit(Output("y"), Rows({"y": np.full(2, -4.0)}, 2), None)
    assert (constant.centre, constant.unit) == (-4.0, 4.0)
    nothing = Target.fit(Output("y"), Rows({"y": np.full(2, np.nan)}, 2), None)
    assert (nothing.centre, nothing.unit) == (0.0, 1.0)


def test_probabilities_are_cut_at_tenths_and_where_they_are() -> None:
    edges = binary().target.edges[0]
    assert {*TENTHS.tolist()} <= {*edges.tolist()}
    assert 64 <= len(edges) <= 128
    assert (np.diff(edges) > 0).all()
    assert of_levels("a", "b", output=Output("said", probabilities={"a": "p"})).edges[0, 0] < 0.0


def test_a_probability_that_repeats_has_a_bin_of_its_own() -> None:
    target = binary(digits=1).target
    bins = np.searchsorted(target.edges[0], np.arange(11) / 10)
    assert target.is_one_value[0, bins[1:-1]].all()


def test_classes_with_fewer_distinct_probabilities_are_padded() -> None:
    rows = Rows({"said": coded(list("abc"), tuple("abc")), "p": np.zeros(3)}, 3)
    rows = Rows({**rows.columns, "q": np.array([0.01, 0.33, 0.99])}, 3)
    target = Target.fit(Output("said", probabilities={"a": "p", "b": "q"}), rows, None)
    assert np.isinf(target.edges[0, -1])
    assert not target.is_one_value[0, -1]


def test_a_vector_is_made_of_its_parts() -> None:
    target = binary(100).target
    groups = np.arange(6).reshape(3, 2)
    counts = np.stack([target.vector({"groups": groups}), target.vector({})])
    assert counts.shape == (2, target.n_slots)
    assert target.part(counts, "groups").tolist() == [groups.tolist(), np.zeros((3, 2)).tolist()]
    with pytest.raises(KeyError):
        target.part(counts, "moments")


FAULTS: Mapping[str, tuple[Rows, Output, str]] = {
    "no such column": (
        binary(9).rows,
        Output("said", groups=("age",)),
        "'age' is not in the reference",
    ),
    "a probability in words": (
        binary(9).rows,
        Output("said", probabilities={"yes": "sex"}),
        "'sex' is a probability, but holds categories",
    ),
    "groups of numbers": (
        binary(9).rows,
        Output("said", groups=("p",)),
        "'p' has groups, but holds",
    ),
    "a probability of a number": (NUMBERS, Output("y", probabilities={"1": "p"}), "of classes"),
    "groups of a number": (NUMBERS, Output("y", groups=("p",)), "compared by classes"),
    "groups without a positive class": (
        multiclass(99).rows,
        Output("said", groups=("said",)),
        "name it, 'positive'",
    ),
    "too many": (
        binary(9).rows,
        Output("said", probabilities=dict.fromkeys(map(str, range(99)), "p")),
        "more than 32",
    ),
}


@pytest.mark.parametrize(("rows", "output", "reason"), FAULTS.values(), ids=FAULTS)
def test_columns_that_cannot_tell_are_named(rows: Rows, output: Output, reason: str) -> None:
    with pytest.raises(ReferenceError, match=reason):
        Target.fit(output, rows, None)


def test_what_must_be_remembered_of_a_prediction_is_named_once() -> None:
    assert binary(9).target.columns == ("said", "p", "sex")
    assert len(multiclass(99).target.columns) == 1 + len(CLASSES)


def test_the_rarest_groups_are_one() -> None:
    names = [str(i) for i in range(30) for _ in range(40 - i)]
    column = coded(names, tuple(map(str, range(30))))
    said = Coded(np.arange(len(names), dtype=np.int32) % 2, ("no", "yes"))
    rows = Rows({"said": said, "city": column}, len(names))
    target = Target.fit(Output("said", groups=("city",)), rows, None)
    assert target.groups["city"] == tuple(map(str, range(N_GROUPS)))
    assert target.n_groups == N_GROUPS + 1
