import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from monitor.spec.model import Monitor
from monitor.spec.retraining import Selector
from monitor.tenants.namespaces import ALL, DEFAULT, Namespaces, namespace_of, qualified

NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)


def monitor(**metadata: str) -> Monitor:
    return Monitor.model_validate(
        {
            "apiVersion": "driftmeter.dev/v1",
            "kind": "Monitor",
            "metadata": metadata,
            "spec": {"reference": "training.parquet"},
        }
    )


@pytest.mark.parametrize(
    ("name", "namespace"),
    [("free-seats", DEFAULT), ("transit.free-seats", "transit"), ("transit.v2.seats", "transit")],
)
def test_the_namespace_stands_before_the_first_dot(name: str, namespace: str) -> None:
    assert namespace_of(name) == namespace


@given(NAMES, NAMES)
def test_what_a_namespace_calls_so_is_of_it(name: str, namespace: str) -> None:
    assert namespace_of(qualified(name, namespace)) == namespace


def test_what_nobody_says_a_namespace_of_stays_as_it_is() -> None:
    assert qualified("free-seats", None) == qualified("free-seats", DEFAULT) == "free-seats"


def test_some_namespaces_have_their_own_monitors_and_no_others() -> None:
    some = Namespaces.of(["transit", DEFAULT])
    assert [some.has(name) for name in ("transit.a", "a", "billing.a", "transitory.a")] == [
        True,
        True,
        False,
        False,
    ]


@given(st.none() | st.frozensets(NAMES), st.none() | st.frozensets(NAMES), NAMES)
def test_who_covers_others_has_all_that_they_have(
    mine: frozenset[str] | None, theirs: frozenset[str] | None, name: str
) -> None:
    own, other = Namespaces(mine), Namespaces(theirs)
    if own.cover(other):
        assert own.has(f"{name}.x") or not other.has(f"{name}.x")


def test_all_namespaces_cover_some_and_not_the_other_way_round() -> None:
    assert ALL.cover(Namespaces.of(["a"]))
    assert not Namespaces.of(["a"]).cover(ALL)


def test_a_document_may_say_the_namespace_apart_from_the_name() -> None:
    said = monitor(name="free-seats", namespace="transit")
    assert (said.name, said.namespace) == ("transit.free-seats", "transit")
    assert said.model_name == "free-seats"
    assert Monitor.model_validate(said.to_json()) == said


def test_a_document_without_a_namespace_is_of_the_one_in_its_name() -> None:
    assert monitor(name="transit.free-seats").namespace == "transit"
    assert monitor(name="free-seats").namespace == DEFAULT


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"name": "billing.x", "namespace": DEFAULT}, "'billing.x' is of the namespace 'billing'"),
        ({"name": "a" * 40, "namespace": "b" * 40}, "more than 63 characters"),
        ({"name": "x", "namespace": "two.dots"}, "should match pattern"),
    ],
)
def test_a_name_that_would_be_anothers_is_refused(metadata: dict[str, str], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        monitor(**metadata)


def test_a_subscription_may_be_to_the_monitors_of_some_namespaces() -> None:
    select = Selector(namespaces=("transit",))
    assert select.selects("transit.free-seats", {})
    assert not select.selects("billing.invoices", {})
