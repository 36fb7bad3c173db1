import pytest

from monitor.decoders import Columns, DecodeError
from monitor.decoders.mapping import Pointers, decode_mapped
from tests.support.exchanges import exchange, rows

COLUMNS = Columns(["a", "b"], "prediction")


def decoded(request: object, response: object, **pointers: object) -> list[dict[str, object]]:
    said = Pointers(**pointers)  # type: ignore[arg-type]  # as a document says them
    return rows(decode_mapped(exchange(request, response), COLUMNS, said))


def test_rows_and_answers_are_where_the_document_says() -> None:
    request = {"data": {"items": [{"x": {"speed": 1}, "tags": ["u", "v"]}, {"x": {"speed": 2}}]}}
    found = decoded(
        request,
        {"results": [{"score": 5}, {"score": 6}]},
        rows="/data/items",
        columns={"a": "/x/speed", "b": "/tags/1"},
        outputs="/results",
        prediction="/score",
    )
    assert found == [{"a": 1, "b": "v", "prediction": 5}, {"a": 2, "b": None, "prediction": 6}]


def test_one_row_and_one_answer_need_no_list() -> None:
    assert decoded({"a": 1, "b": 2}, {"value": 7}, prediction="/value") == [
        {"a": 1, "b": 2, "prediction": 7}
    ]


def test_nameless_rows_are_in_the_order_of_the_features() -> None:
    assert decoded({"q": [[1, 2]]}, [3], rows="/q") == [{"a": 1, "b": 2, "prediction": 3}]


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        # The examples of RFC 6901, section 5.
        ("/foo/0", "bar"),
        ("/", 0),
        ("/a~1b", 1),
        ("/c%d", 2),
        ('/k"l', 6),
        ("/ ", 7),
        ("/m~0n", 8),
        ("/foo/2", None),
        ("/foo/01x", None),
        ("/nothing", None),
    ],
)
def test_pointers_are_those_of_the_standard(pointer: str, value: object) -> None:
    row = {"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, 'k"l': 6, " ": 7, "m~n": 8}
    found = decoded([row], [1], columns={"a": pointer})
    assert found == [{"a": value, "prediction": 1}]


@pytest.mark.parametrize(
    ("request_body", "response", "reason"),
    [
        ({"rows": [1]}, [1], "wrong shape"),
        ({"data": []}, [1], "wrong shape"),
        ({"data": [{"x": 1}]}, [1, 2], "wrong length"),
        (b"{", [1], "not JSON"),
    ],
)
def test_what_is_not_there_has_a_reason(
    request_body: object, response: object, reason: str
) -> None:
    with pytest.raises(DecodeError) as error:
        decoded(request_body, response, rows="/data", columns={"a": "/x"})
    assert error.value.reason == reason
