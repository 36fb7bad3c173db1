"""ModelInfer's messages, made by Google's own library from the protocol's definition."""

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_F = descriptor_pb2.FieldDescriptorProto
_CONTENTS = {
    "bool_contents": _F.TYPE_BOOL,
    "int_contents": _F.TYPE_INT32,
    "int64_contents": _F.TYPE_INT64,
    "uint_contents": _F.TYPE_UINT32,
    "uint64_contents": _F.TYPE_UINT64,
    "fp32_contents": _F.TYPE_FLOAT,
    "fp64_contents": _F.TYPE_DOUBLE,
    "bytes_contents": _F.TYPE_BYTES,
}


def _message(file: Any, name: str) -> Any:
    message = file.message_type.add()
    message.name = name
    return message


def _field(
    message: Any, name: str, number: int, kind: int, of: str = "", many: bool = False
) -> None:
    field = message.field.add()
    field.name, field.number, field.type = name, number, kind
    field.label = _F.LABEL_REPEATED if many else _F.LABEL_OPTIONAL
    if of:
        field.type_name = of


def _pool() -> descriptor_pool.DescriptorPool:
    file = descriptor_pb2.FileDescriptorProto(
        name="infer.proto", package="inference", syntax="proto3"
    )
    contents = _message(file, "InferTensorContents")
    for number, (name, kind) in enumerate(_CONTENTS.items(), start=1):
        _field(contents, name, number, kind, many=True)
    tensor = _message(file, "InferTensor")
    _field(tensor, "name", 1, _F.TYPE_STRING)
    _field(tensor, "datatype", 2, _F.TYPE_STRING)
    _field(tensor, "shape", 3, _F.TYPE_INT64, many=True)
    _field(tensor, "contents", 5, _F.TYPE_MESSAGE, ".inference.InferTensorContents")
    for name, tensors, raw in (
        ("ModelInferRequest", ("inputs", 5), ("raw_input_contents", 7)),
        ("ModelInferResponse", ("outputs", 5), ("raw_output_contents", 6)),
    ):
        message = _message(file, name)
        _field(message, "model_name", 1, _F.TYPE_STRING)
        _field(message, "model_version", 2, _F.TYPE_STRING)
        _field(message, "id", 3, _F.TYPE_STRING)
        _field(message, *tensors, _F.TYPE_MESSAGE, ".inference.InferTensor", many=True)
        _field(message, *raw, _F.TYPE_BYTES, many=True)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


_POOL = _pool()


def request(**fields: Any) -> bytes:
    return _encoded("ModelInferRequest", fields)


def response(**fields: Any) -> bytes:
    return _encoded("ModelInferResponse", fields)


def _encoded(name: str, fields: dict[str, Any]) -> bytes:
    descriptor = _POOL.FindMessageTypeByName(f"inference.{name}")
    encoded: bytes = message_factory.GetMessageClass(descriptor)(**fields).SerializeToString()
    return encoded
