"""What every decoder promises; those of `monitor.decoders` are found by themselves."""

import gzip
import importlib
import pkgutil
from collections.abc import Sequence

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor import decoders
from monitor.decoders import (
    DECODERS,
    Columns,
    Decoded,
    DecodeError,
    Decoder,
    Exchange,
    claim,
    kserve_v1,
    open_inference_v2,
)
from monitor.decoders.exchange import Headers

COLUMNS = Columns(["a", "b"], "prediction")
GZIPPED = [(b"Content-Encoding", b"gzip")]

# For each decoder a path that it reads, and a request and an answer of two rows.
SAMPLES: dict[str, tuple[str, object, object]] = {
    kserve_v1.NAME: (
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
}


def exchange(decoder: Decoder, request: bytes, response: bytes, headers: Headers = ()) -> Exchange:
    path = SAMPLES[decoder.name][0]
    return Exchange(path, "id", 0.0, 0.1, 200, headers, headers, [request], [response])


def sample(decoder: Decoder) -> tuple[bytes, bytes]:
    _, request, response = SAMPLES[decoder.name]
    return orjson.dumps(request), orjson.dumps(response)


def rows(decoded: Decoded) -> list[dict[str, object]]:
    return [{name: values[i] for name, values in decoded.columns.items()} for i in range(decoded.n)]


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
    assert (claimed.decoder, claimed.model) == (decoder, "seats")


@every_decoder
def test_it_reads_its_sample(decoder: Decoder) -> None:
    assert rows(decoder.decode(exchange(decoder, *sample(decoder)), COLUMNS)) == [
        {"a": 1, "b": "x", "prediction": 5},
        {"a": 2, "b": None, "prediction": 6},
    ]


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
        (gzip.compress(b" " * 200_000_000, 1), GZIPPED, "too large"),
        (b"not gzip", GZIPPED, "bad gzip"),
        (gzip.compress(b"{}")[:-4], GZIPPED, "bad gzip"),
        (gzip.compress(b"{}") * 2, GZIPPED, "bad gzip"),
        (b"{}", [(b"content-encoding", b"br")], "unknown encoding"),
        (b"{", [], "not JSON"),
        (b"\xff", [], "not JSON"),
        (b'{"a": NaN}', [], "not JSON"),
        (b"[" * 200_000, [], "not JSON"),
        (b"[]", [], "wrong shape"),
        (b"{}", [], "wrong shape"),
    ],
    ids=range(11),
)
def test_a_body_that_is_not_its_own_has_a_reason(
    decoder: Decoder, packed: bytes, headers: Headers, reason: str
) -> None:
    with pytest.raises(DecodeError) as error:
        decoder.decode(exchange(decoder, packed, packed, headers), COLUMNS)
    assert error.value.reason == reason


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(allow_nan=False)
    | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["instances", "predictions", "inputs", "outputs", "shape", "data", "name"]
            ),
            inner,
            max_size=4,
        )
    ),
)


@every_decoder
@given(data=st.data())
def test_whatever_comes_it_is_read_or_refused_with_a_reason(
    decoder: Decoder, data: st.DataObject
) -> None:
    keys = ["instances", "inputs"], ["predictions", "outputs"]
    bodies = [
        orjson.dumps(data.draw(st.dictionaries(st.sampled_from(names), JSON))) for names in keys
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


# What the two formats leave open.


def v1(instances: object, predictions: object, columns: Columns = COLUMNS) -> Decoded:
    bodies = orjson.dumps({"instances": instances}), orjson.dumps({"predictions": predictions})
    return kserve_v1.decode(exchange(DECODERS[0], *bodies), columns)


@pytest.mark.parametrize(
    ("instances", "predictions"),
    [
        ([[1, "x"]], [5]),
        ([[1, "x"]], [[5]]),
        ([[1, "x"]], [{"anything": 5}]),
        ([{"b": "x", "a": 1}], [5]),
    ],
)
def test_v1_rows_may_be_lists_or_objects(instances: object, predictions: object) -> None:
    assert rows(v1(instances, predictions)) == [{"a": 1, "b": "x", "prediction": 5}]


def test_v1_objects_may_lack_keys() -> None:
    decoded = v1([{"a": 1}, {"b": 2}], [5, 6])
    assert decoded.columns["a"] == [1, None]
    assert decoded.columns["b"] == [None, 2]


def test_v1_several_outputs_keep_their_names() -> None:
    decoded = v1([[1, "x"]], [{"prediction": 5, "spread": 2}])
    assert rows(decoded) == [{"a": 1, "b": "x", "prediction": 5, "spread": 2}]


def test_columns_without_names_are_numbered_while_there_is_no_schema() -> None:
    assert list(v1([[1, 2]], [5], Columns([], "y")).columns) == ["feature_0", "feature_1", "y"]


@pytest.mark.parametrize(
    ("instances", "predictions", "reason"),
    [
        ([[1, "x"]], [5, 6], "wrong length"),
        ([], [], "wrong shape"),
        ([[1]], [5], "wrong shape"),
        ([[1, 2], [1]], [5, 6], "wrong shape"),
        ([[1, 2], {"a": 1}], [5, 6], "wrong shape"),
        ([[1, 2]], [[5, 6]], "wrong shape"),
        ({"a": [1]}, [5], "wrong shape"),
    ],
)
def test_v1_rows_that_are_none_are_refused(
    instances: object, predictions: object, reason: str
) -> None:
    with pytest.raises(DecodeError) as error:
        v1(instances, predictions)
    assert error.value.reason == reason


def tensor(name: str, shape: list[int], data: object) -> dict[str, object]:
    return {"name": name, "shape": shape, "datatype": "FP64", "data": data}


def v2(*inputs: object, outputs: Sequence[object], columns: Columns = COLUMNS) -> Decoded:
    bodies = orjson.dumps({"inputs": inputs}), orjson.dumps({"outputs": outputs})
    return open_inference_v2.decode(exchange(DECODERS[1], *bodies), columns)


@pytest.mark.parametrize("data", [[1, 2, 3, 4], [[1, 2], [3, 4]]])
def test_v2_one_tensor_holds_all_columns_in_their_order(data: object) -> None:
    decoded = v2(tensor("input-0", [2, 2], data), outputs=[tensor("y", [2, 1], [[5], [6]])])
    assert rows(decoded) == [
        {"a": 1, "b": 2, "prediction": 5},
        {"a": 3, "b": 4, "prediction": 6},
    ]


@pytest.mark.parametrize(
    ("inputs", "outputs", "reason"),
    [
        ([tensor("x", [1, 3], [1, 2, 3])], [tensor("y", [1], [5])], "wrong shape"),
        ([tensor("x", [1, 2], [1, 2, 3])], [tensor("y", [1], [5])], "wrong length"),
        ([tensor("x", [1, 2], [1, 2])], [tensor("y", [2], [5, 6])], "wrong length"),
        ([tensor("x", [1, 1, 2], [1, 2])], [tensor("y", [1], [5])], "wrong shape"),
        ([tensor("x", [2, -1], [1, 2])], [tensor("y", [1], [5])], "wrong shape"),
        ([tensor("x", [1, 2], [[1, 2], 3])], [tensor("y", [1], [5])], "wrong shape"),
        ([tensor("x", [1, 2], None)], [tensor("y", [1], [5])], "wrong shape"),
        ([7], [tensor("y", [1], [5])], "wrong shape"),
        ([], [], "wrong shape"),
    ],
)
def test_v2_tensors_that_are_none_are_refused(
    inputs: list[object], outputs: list[object], reason: str
) -> None:
    with pytest.raises(DecodeError) as error:
        v2(*inputs, outputs=outputs)
    assert error.value.reason == reason


def test_v2_binary_tensors_are_refused_by_name() -> None:
    headers = [(b"Inference-Header-Content-Length", b"10")]
    with pytest.raises(DecodeError, match="binary tensors"):
        open_inference_v2.decode(exchange(DECODERS[1], b"{}", b"{}", headers), COLUMNS)
