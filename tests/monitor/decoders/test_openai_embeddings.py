from base64 import b64encode

import numpy as np
import pytest

from monitor.decoders import Columns, DecodeError, openai_embeddings
from tests.support.exchanges import exchange, rows

COLUMNS = Columns([], "prediction")
VECTOR = [0.5, -1.25, 3.0]


def base64(vector: list[float]) -> str:
    return b64encode(np.array(vector, dtype="<f4").tobytes()).decode()


def response(*embeddings: object) -> dict[str, object]:
    data = [
        {"object": "embedding", "index": i, "embedding": embedding}
        for i, embedding in enumerate(embeddings)
    ]
    usage = {"prompt_tokens": 5, "total_tokens": 5}
    return {"object": "list", "data": data, "model": "m", "usage": usage}


def read(given: object, *embeddings: object, columns: Columns = COLUMNS) -> object:
    exchanged = exchange({"model": "m", "input": given}, response(*embeddings))
    return rows(openai_embeddings.decode(exchanged, columns))


@pytest.mark.parametrize("embedding", [VECTOR, base64(VECTOR)], ids=["list", "base64"])
def test_a_text_and_its_embedding_are_a_row(embedding: object) -> None:
    assert read("a text", embedding) == [{"input": "a text", "embedding": VECTOR}]


def test_texts_keep_their_order_whatever_the_answers_is() -> None:
    answer = response([1.0], [2.0])
    answer["data"] = [*reversed(answer["data"])]  # type: ignore[call-overload]  # a list
    exchanged = exchange({"input": ["one", "two"]}, answer)
    assert rows(openai_embeddings.decode(exchanged, COLUMNS)) == [
        {"input": "one", "embedding": [1.0]},
        {"input": "two", "embedding": [2.0]},
    ]


@pytest.mark.parametrize(("given", "n"), [([1, 2, 3], 1), ([[1, 2], [3]], 2)])
def test_tokens_leave_the_embedding_alone(given: object, n: int) -> None:
    assert read(given, *[VECTOR] * n) == [{"embedding": VECTOR}] * n


def test_the_monitor_s_vector_gives_the_column_its_name() -> None:
    columns = Columns(["input", "v"], "prediction", frozenset({"v"}))
    assert read("a", VECTOR, columns=columns) == [{"input": "a", "v": VECTOR}]


def test_of_several_vectors_it_is_the_embedding() -> None:
    columns = Columns(["embedding", "v"], "prediction", frozenset({"embedding", "v"}))
    assert read("a", VECTOR, columns=columns) == [{"input": "a", "embedding": VECTOR}]


def test_the_body_names_the_model() -> None:
    named = exchange({"model": "bge-small", "input": "a"}, {})
    assert openai_embeddings.model(named) == "bge-small"
    for nameless in ({"input": "a"}, {"model": 7}, b"{", b"[]"):
        assert openai_embeddings.model(exchange(nameless, {})) is None


@pytest.mark.parametrize(
    ("given", "embeddings", "reason"),
    [
        ("a", [VECTOR, VECTOR], "wrong length"),
        (["a", "b"], [VECTOR], "wrong length"),
        ([], [], "wrong shape"),
        (None, [VECTOR], "wrong shape"),
        ("a", ["AAA="], "wrong length"),
        ("a", ["not base64"], "wrong shape"),
        ("a", [None], "wrong shape"),
    ],
    ids=range(7),
)
def test_what_is_no_embedding_has_a_reason(
    given: object, embeddings: list[object], reason: str
) -> None:
    with pytest.raises(DecodeError) as error:
        read(given, *embeddings)
    assert error.value.reason == reason


@pytest.mark.parametrize("index", [1, -1, "0", True, None])
def test_an_index_out_of_order_is_no_guess(index: object) -> None:
    answer = {"data": [{"index": index, "embedding": VECTOR}]}
    with pytest.raises(DecodeError, match="one by one"):
        openai_embeddings.decode(exchange({"input": "a"}, answer), COLUMNS)
