import gzip
import zlib
from http import HTTPStatus

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.collector.grpc.messages import http_status, inference_id, unframed
from tests.support import model_infer
from tests.support.http2_frames import message

# "HTTP Mapping" in the comments of google/rpc/code.proto.
MAPPING = {
    "OK": HTTPStatus.OK,
    "CANCELLED": 499,
    "UNKNOWN": HTTPStatus.INTERNAL_SERVER_ERROR,
    "INVALID_ARGUMENT": HTTPStatus.BAD_REQUEST,
    "DEADLINE_EXCEEDED": HTTPStatus.GATEWAY_TIMEOUT,
    "NOT_FOUND": HTTPStatus.NOT_FOUND,
    "ALREADY_EXISTS": HTTPStatus.CONFLICT,
    "PERMISSION_DENIED": HTTPStatus.FORBIDDEN,
    "UNAUTHENTICATED": HTTPStatus.UNAUTHORIZED,
    "RESOURCE_EXHAUSTED": HTTPStatus.TOO_MANY_REQUESTS,
    "FAILED_PRECONDITION": HTTPStatus.BAD_REQUEST,
    "ABORTED": HTTPStatus.CONFLICT,
    "OUT_OF_RANGE": HTTPStatus.BAD_REQUEST,
    "UNIMPLEMENTED": HTTPStatus.NOT_IMPLEMENTED,
    "INTERNAL": HTTPStatus.INTERNAL_SERVER_ERROR,
    "UNAVAILABLE": HTTPStatus.SERVICE_UNAVAILABLE,
    "DATA_LOSS": HTTPStatus.INTERNAL_SERVER_ERROR,
}


@pytest.mark.parametrize("code", grpc.StatusCode, ids=lambda code: code.name)
def test_every_status_has_its_counterpart(code: grpc.StatusCode) -> None:
    assert http_status(b"%d" % code.value[0]) == MAPPING[code.name]


@pytest.mark.parametrize("odd", [b"", b"-1", b"17", b"99999999999", b"ok"])
def test_a_status_of_nobody_s_is_unknown(odd: bytes) -> None:
    assert http_status(odd) == 500


def test_one_whole_message_is_unframed_and_anything_else_left_as_it_is() -> None:
    assert unframed(message(b"abc")) == (b"abc", False)
    assert unframed(message(b"abc", is_compressed=True)) == (b"abc", True)
    for other in (b"", b"\0\0", message(b"abc")[:-1], message(b"abc") * 2):
        assert unframed(other) == (other, False)


@given(name=st.text(max_size=20), given_id=st.text(max_size=31))
def test_the_id_is_found_where_google_s_library_writes_it(name: str, given_id: str) -> None:
    inputs = [{"name": "a", "datatype": "INT64", "shape": [1]}]
    written = [
        model_infer.request(model_name=name, id=given_id, inputs=inputs),
        model_infer.response(model_name=name, id=given_id),
    ]
    for one in written:
        assert inference_id(one, is_compressed=False) == given_id.encode()


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_the_id_is_found_in_compressed_messages(pack: object) -> None:
    assert callable(pack)
    packed = pack(model_infer.request(model_name="m", id="r1", raw_input_contents=[bytes(10**6)]))
    assert inference_id(packed, is_compressed=True) == b"r1"


@given(st.binary(max_size=60), st.booleans())
def test_whatever_the_bytes_an_id_is_bytes(raw: bytes, is_compressed: bool) -> None:
    assert isinstance(inference_id(raw, is_compressed=is_compressed), bytes)
