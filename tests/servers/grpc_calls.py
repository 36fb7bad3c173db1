"""Requests over gRPC, in the two forms that ModelInfer's tensors may have."""

from collections.abc import Sequence

import grpc

from benchmarks.real_servers import seats
from benchmarks.real_servers.requests import DATATYPES, Call, Rides, packed
from monitor.flags import Address
from tests.servers.watching import Answer
from tests.support import model_infer
from tests.support.grpc_model import MODEL_INFER, calling, channel

CONTENTS = {
    "FP64": "fp64_contents",
    "INT64": "int64_contents",
    "BYTES": "bytes_contents",
    "BOOL": "bool_contents",
}


def typed(id_: str, rides: Rides) -> Call:
    """Each tensor with its values."""
    inputs = [{**_tensor(name, rides), "contents": _contents(name, rides)} for name in DATATYPES]
    message = model_infer.request(model_name=seats.NAME, id=id_, inputs=inputs)
    return Call(id_, rides, MODEL_INFER, message)


def raw(id_: str, rides: Rides) -> Call:
    """The tensors' values apart from them, in binary."""
    message = model_infer.request(
        model_name=seats.NAME,
        id=id_,
        inputs=[_tensor(name, rides) for name in DATATYPES],
        raw_input_contents=[packed(name, rides) for name in DATATYPES],
    )
    return Call(id_, rides, MODEL_INFER, message)


def ask(port: int, calls: Sequence[Call]) -> list[Answer]:
    """The answers to one call after the other, over one connection."""
    with channel(Address("127.0.0.1", port)) as over:
        return [_answer(over, call) for call in calls]


def _answer(over: grpc.Channel, call: Call) -> Answer:
    body, answered = calling(over).with_call(
        call.body, timeout=60, metadata=(("x-request-id", call.id),)
    )
    told = [*(answered.initial_metadata() or ()), *(answered.trailing_metadata() or ())]
    headers = frozenset((name, str(value)) for name, value in told if name != "x-request-id")
    return Answer(200, headers, body)


def _tensor(name: str, rides: Rides) -> dict[str, object]:
    return {"name": name, "datatype": DATATYPES[name], "shape": [len(rides)]}


def _contents(name: str, rides: Rides) -> dict[str, object]:
    values = [ride[name] for ride in rides]
    encoded = [v.encode() if isinstance(v, str) else v for v in values]
    return {CONTENTS[DATATYPES[name]]: encoded}
