"""Templates are filled, and can name nothing that there is not."""

import orjson
import pytest

from alerts.retraining.calls import Call, UnknownPlaceError, fill, places, pointed

FACTS = {"dag": "re/train", "n": 3, "none": None, "event": {"id": "a"}}


def test_a_string_that_is_one_place_becomes_the_fact() -> None:
    assert fill({"conf": "{event}", "n": "{n}"}, FACTS) == {"conf": {"id": "a"}, "n": 3}


def test_within_a_text_a_fact_is_text() -> None:
    assert fill(["{n} of {event}"], FACTS) == ['3 of {"id":"a"}']


def test_a_member_that_is_none_is_left_out() -> None:
    assert fill({"a": "{none}", "b": 1}, FACTS) == {"b": 1}


def test_what_a_path_holds_is_encoded() -> None:
    request = Call(path="/dags/{dag}").request("https://example.org/", FACTS)
    assert request.url == "https://example.org/dags/re%2Ftrain"


def test_a_form_is_a_form() -> None:
    request = Call(form=True, body={"a": "{n} b"}).request("https://example.org", FACTS)
    assert request.body == b"a=3+b"
    assert request.headers == {"content-type": "application/x-www-form-urlencoded"}


def test_json_is_json() -> None:
    request = Call(body="{event}").request("https://example.org", FACTS)
    assert orjson.loads(request.body) == {"id": "a"}
    assert request.headers == {"content-type": "application/json"}


def test_a_place_that_there_is_not_is_named() -> None:
    with pytest.raises(UnknownPlaceError, match=r"{day} is not known; there are dag"):
        fill("{day}", FACTS)


def test_places_are_found() -> None:
    assert places('{"a": "{id} and {event}"}') == {"id", "event"}


@pytest.mark.parametrize(
    ("pointer", "found"), [("/a/1/b", 2), ("/a/2", None), ("/b/c", None), ("/a/x", None)]
)
def test_a_pointer_finds_or_finds_nothing(pointer: str, found: object) -> None:
    assert pointed({"a": [0, {"b": 2}]}, pointer) == found
