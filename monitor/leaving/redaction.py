"""What is done to personal columns before they leave: pure functions of arrays.

Collectors apply them to rows, and whoever fits a reference to its columns, so that both are alike.
"""

import hmac

import pyarrow as pa

from detectors.columns import ColumnType, Field
from monitor.batches import conform
from monitor.spec.capture import Bucket, Rule, Truncate

HASH_BYTES = 16
"""So many of the 32 are kept: enough that no two values of a column share one by chance."""


def hashed(text: str, key: bytes) -> str:
    """The first half of HMAC-SHA256 (RFC 2104, RFC 6234) in hexadecimal digits."""
    return hmac.digest(key, text.encode(), "sha256")[:HASH_BYTES].hex()


def redact(values: pa.Array, rule: Rule, key: bytes | None) -> pa.Array:
    """The values as the rule lets them leave. What the rule does not fit, and what is to be
    hashed where there is no key, is missing: nothing leaves for want of a way to hide it.
    """
    if rule == "drop":
        return pa.nulls(len(values), values.type)
    if isinstance(rule, Bucket):
        return _bucketed(values, rule.bucket)
    texts = as_text(values)
    if isinstance(rule, Truncate):
        import pyarrow.compute as pc  # noqa: PLC0415 - 9 MiB, for monitors that redact

        return pc.utf8_slice_codeunits(texts, 0, rule.truncate)
    return pa.nulls(len(values), pa.string()) if key is None else _hashed(texts, key)


def as_text(values: pa.Array) -> pa.Array:
    """Values as they are written where they are categories: a whole number without its point."""
    field = Field("", ColumnType.CATEGORY)
    return conform({"": values}, [field], n=len(values)).columns[""]


def _hashed(texts: pa.Array, key: bytes) -> pa.Array:
    """Each distinct value is hashed once."""
    coded = texts.dictionary_encode()
    hashes = [None if text is None else hashed(text, key) for text in coded.dictionary.to_pylist()]
    return pa.array(hashes, pa.string()).take(coded.indices)


def _bucketed(values: pa.Array, width: float) -> pa.Array:
    types, type_ = pa.types, values.type
    if types.is_timestamp(type_) or types.is_date(type_):
        micros = values.cast(pa.timestamp("us", "UTC"), safe=False).cast(pa.int64())
        floors = _floored(micros.cast(pa.float64(), safe=False), width * 1e6)
        return floors.cast(pa.int64(), safe=False).cast(pa.timestamp("us", "UTC"))
    if types.is_integer(type_) or types.is_floating(type_) or types.is_decimal(type_):
        return _floored(values.cast(pa.float64(), safe=False), width)
    return pa.nulls(len(values), pa.float64())


def _floored(numbers: pa.Array, width: float) -> pa.Array:
    import pyarrow.compute as pc  # noqa: PLC0415 - 9 MiB, for monitors that redact

    return pc.multiply(pc.floor(pc.divide(numbers, width)), width)
