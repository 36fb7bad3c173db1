"""What every decoder promises; those of `monitor.decoders` are found by themselves."""

import gzip
import importlib
import pkgutil
from functools import partial

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor import decoders
from monitor.decoders import (
    DECODERS,
    Columns,
    DecodeError,
    Decoder,
    Exchange,
    bentoml,
    claim,
    mlflow,
    open_inference_grpc,
    open_inference_v2,
    openai_embeddings,
    sagemaker,
    seldon_v1,
    tf_serving,
    torchserve,
)
from monitor.decoders.exchange import Headers
from tests.support import exchanges, model_infer
from tests.support.bombs import packed_spaces
from tests.support.exchanges import rows

COLUMNS = Columns(["a", "b"], "prediction")
GZIPPED = [(b"Content-Encoding", b"gzip")]

MODEL = "seats"
# Their paths need not name a model.
NAMELESS = {
    bentoml.NAME,
    mlflow.NAME,
    open_inference_grpc.NAME,
    openai_embeddings.NAME,
    seldon_v1.NAME,
}
WITHOUT_NULL = {open_inference_grpc.NAME}
READS_NAN = {tf_serving.NAME, mlflow.NAME}

# For each decoder a path that it reads, and a request and an answer of two rows: JSON, or bytes.
SAMPLES: dict[str, tuple[str, object, object]] = {
    tf_serving.NAME: (
        "/v1/models/seats:predict",
        {"instances": [[1, "x"], [2, None]]},
        {"predictions": [5, 6]},
    ),
    open_inference_v2.NAME: (
        "/v2/models/seats/infer",
        {
            "inputs": [
                {"name": "a", "shape": [2], "datatype": "INT64", "data": [1, 2]},
                {"name": "b", "shape": [2, 1], "datatype": "BYTES", "data": [["x"], [None]]},
            ]
        },
        {"outputs": [{"name": "y", "shape": [2], "datatype": "FP64", "data": [5, 6]}]},
    ),
    open_inference_grpc.NAME: (
        "/inference.GRPCInferenceService/ModelInfer",
        model_infer.request(
            inputs=[
                {"name": "a", "datatype": "INT64", "shape": [2]},
                {"name": "b", "datatype": "BYTES", "shape": [2, 1]},
            ],
            raw_input_contents=[b"\1" + bytes(7) + b"\2" + bytes(7), b"\1\0\0\0x\0\0\0\0"],
        ),
        model_infer.response(
            outputs=[
                {
                    "name": "y",
                    "datatype": "INT32",
                    "shape": [2],
                    "contents": {"int_contents": [5, 6]},
                }
            ]
        ),
    ),
    mlflow.NAME: (
        "/invocations",
        {"dataframe_split": {"columns": ["b", "a"], "data": [["x", 1], [None, 2]]}},
        {"predictions": [5, 6]},
    ),
    seldon_v1.NAME: (
        "/api/v1.0/predictions",
        {"data": {"names": ["b", "a"], "ndarray": [["x", 1], [None, 2]]}},
        {"data": {"names": ["t:0"], "ndarray": [[5], [6]]}, "meta": {}},
    ),
    torchserve.NAME: (
        "/predictions/seats",
        [{"a": 1, "b": "x"}, {"a": 2, "b": None}],
        [5, 6],
    ),
    openai_embeddings.NAME: (
        "/v1/embeddings",
        {"model": "seats", "input": ["1", "2"]},
        {"data": [{"index": 1, "embedding": [6, 7]}, {"index": 0, "embedding": [5, 1]}]},
    ),
    sagemaker.NAME: ("/endpoints/seats/invocations", b"1,x\n2,\n", b"5\n6\n"),
    bentoml.NAME: ("/predict", {"rows": [[1, "x"], [2, None]]}, [5, 6]),
}
# Where it is not the same of all.
ROWS: dict[str, list[dict[str, object]]] = {
    openai_embeddings.NAME: [
        {"input": "1", "embedding": [5, 1]},
        {"input": "2", "embedding": [6, 7]},
    ]
}


def exchange(decoder: Decoder, request: bytes, response: bytes, headers: Headers = ()) -> Exchange:
    return exchanges.exchange(request, response, headers, headers, path=SAMPLES[decoder.name][0])


def sample(decoder: Decoder) -> tuple[bytes, bytes]:
    _, request, response = SAMPLES[decoder.name]
    return _body(request), _body(response)


def _body(value: object) -> bytes:
    return value if isinstance(value, bytes) else orjson.dumps(value)


of_json = pytest.mark.parametrize(
    "decoder",
    [decoder for decoder in DECODERS if not isinstance(SAMPLES[decoder.name][1], bytes)],
    ids=lambda decoder: decoder.name,
)
every_decoder = pytest.mark.parametrize("decoder", DECODERS, ids=lambda decoder: decoder.name)


def test_every_format_is_in_the_table() -> None:
    names = [info.name for info in pkgutil.iter_modules(decoders.__path__)]
    modules = [importlib.import_module(f"monitor.decoders.{name}") for name in names]
    formats = {module.NAME for module in modules if hasattr(module, "decode")}
    assert formats == {decoder.name for decoder in DECODERS} == set(SAMPLES)


@every_decoder
def test_its_path_names_the_model(decoder: Decoder) -> None:
    claimed = claim(SAMPLES[decoder.name][0] + "?verbose=1")
    assert claimed is not None
    model = None if decoder.name in NAMELESS else MODEL
    assert (claimed.decoder, claimed.model) == (decoder, model)


@every_decoder
def test_it_reads_its_sample(decoder: Decoder) -> None:
    nothing = "" if decoder.name in WITHOUT_NULL else None
    expected = ROWS.get(
        decoder.name,
        [{"a": 1, "b": "x", "prediction": 5}, {"a": 2, "b": nothing, "prediction": 6}],
    )
    assert rows(decoder.decode(exchange(decoder, *sample(decoder)), COLUMNS)) == expected


@every_decoder
def test_a_body_in_pieces_reads_the_same(decoder: Decoder) -> None:
    request, response = sample(decoder)
    whole = exchange(decoder, request, response)
    pieces = whole._replace(request=[request[:7], request[7:]], response=[b"", response])
    assert decoder.decode(pieces, COLUMNS) == decoder.decode(whole, COLUMNS)


@every_decoder
def test_gzipped_bodies_read_the_same(decoder: Decoder) -> None:
    request, response = sample(decoder)
    plain = decoder.decode(exchange(decoder, request, response), COLUMNS)
    packed = exchange(decoder, gzip.compress(request), gzip.compress(response), GZIPPED)
    assert decoder.decode(packed, COLUMNS) == plain


@every_decoder
@pytest.mark.parametrize(
    ("packed", "headers", "reason"),
    [
        (packed_spaces(200), GZIPPED, "too large"),
        (b"not gzip", GZIPPED, "bad gzip"),
        (gzip.compress(b"{}")[:-4], GZIPPED, "bad gzip"),
        (gzip.compress(b"{}") * 2, GZIPPED, "bad gzip"),
        (b"{}", [(b"content-encoding", b"br")], "unknown encoding"),
    ],
    ids=range(5),
)
def test_a_body_that_cannot_be_unpacked_has_a_reason(
    decoder: Decoder, packed: bytes, headers: Headers, reason: str
) -> None:
    with pytest.raises(DecodeError) as error:
        decoder.decode(exchange(decoder, packed, packed, headers), COLUMNS)
    assert error.value.reason == reason


@of_json
@pytest.mark.parametrize(
    ("packed", "headers", "reason"),
    [
        (b"{", [], "not JSON"),
        (b"\xff", [], "not JSON"),
        (b"[" * 200_000, [], "not JSON"),
        (b"[]", [], "wrong shape"),
        (b"{}", [], "wrong shape"),
    ],
    ids=range(5),
)
def test_a_body_that_is_not_its_own_has_a_reason(
    decoder: Decoder, packed: bytes, headers: Headers, reason: str
) -> None:
    with pytest.raises(DecodeError) as error:
        decoder.decode(exchange(decoder, packed, packed, headers), COLUMNS)
    assert error.value.reason == reason


@of_json
def test_bare_nan_is_read_where_the_format_has_it(decoder: Decoder) -> None:
    request, response = sample(decoder)
    assert b"1" in request
    with_nan = request.replace(b"1", b"NaN", 1), response.replace(b"5", b"-Infinity", 1)
    read = partial(decoder.decode, exchange(decoder, *with_nan), COLUMNS)
    if decoder.name not in READS_NAN:
        with pytest.raises(DecodeError, match="not JSON"):
            read()
        return
    row = rows(read())[0]
    assert (str(row["a"]), row["b"], row["prediction"]) == ("nan", "x", float("-inf"))


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": NaN',
        b"NaN" + b"[" * 200_000,
        b'{"a": [NaN, ' + b"1" * 5_000 + b"]}",
        b'{"a": [NaN, "\\ud800"]}',
        b'{"a": NaN, "b": "\xff"}',
    ],
    ids=range(5),
)
@pytest.mark.parametrize("name", sorted(READS_NAN))
def test_nan_excuses_nothing_else(name: str, body: bytes) -> None:
    (decoder,) = (d for d in DECODERS if d.name == name)
    with pytest.raises(DecodeError, match="not JSON"):
        decoder.decode(exchange(decoder, body, body), COLUMNS)


REQUESTS = ["instances", "inputs", "input", "dataframe_split", "dataframe_records", "data"]
ANSWERS = ["predictions", "outputs", "data"]
INSIDE = [
    "index",
    "embedding",
    "features",
    "shape",
    "name",
    "names",
    "ndarray",
    "tensor",
    "values",
    "columns",
    "parameters",
]
KEYS = [*REQUESTS, *ANSWERS, *INSIDE, "datatype", "binary_data_size"]

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(allow_nan=False)
    | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(KEYS),
            inner,
            max_size=4,
        )
    ),
)


@of_json
@given(data=st.data())
def test_whatever_comes_it_is_read_or_refused_with_a_reason(
    decoder: Decoder, data: st.DataObject
) -> None:
    bodies = [
        orjson.dumps(data.draw(st.dictionaries(st.sampled_from(names), JSON) | JSON))
        for names in (REQUESTS, ANSWERS)
    ]
    try:
        decoded = decoder.decode(exchange(decoder, bodies[0], bodies[1]), COLUMNS)
    except DecodeError:
        return
    assert all(len(values) == decoded.n for values in decoded.columns.values())


@pytest.mark.parametrize(
    "path", ["/", "/v1/models/seats", "/v1/models/a/b:predict", "/v2/models/seats/ready", "/v2/x"]
)
def test_other_paths_are_nobodys(path: str) -> None:
    assert claim(path) is None


def test_a_version_in_the_path_is_not_part_of_the_model() -> None:
    claimed = claim("/v2/models/free%20seats/versions/3/infer")
    assert claimed is not None
    assert claimed.model == "free seats"
