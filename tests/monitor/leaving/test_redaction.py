import hashlib
import hmac
import math
import string
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.leaving.redaction import as_text, hashed, redact
from monitor.spec.capture import Bucket, Truncate

KEY = b"a key of enough bytes"
TEXTS = st.lists(st.none() | st.text(max_size=8), max_size=30)
NUMBERS = st.lists(st.none() | st.floats(-1e9, 1e9), max_size=30)


def test_a_hash_is_half_of_hmac_sha256() -> None:
    """The second test vector of RFC 4231, section 4.3."""
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert hashed("what do ya want for nothing?", b"Jefe") == expected[:32]


@given(texts=TEXTS)
def test_equal_values_have_equal_hashes_and_missing_ones_stay_missing(
    texts: list[str | None],
) -> None:
    found = redact(pa.array(texts, pa.string()), "hash", KEY).to_pylist()
    digests = [
        None if t is None else hmac.new(KEY, t.encode(), hashlib.sha256).hexdigest()[:32]
        for t in texts
    ]
    assert found == digests


def test_a_number_is_hashed_as_it_is_written_as_a_category() -> None:
    texts = redact(pa.array(["17"]), "hash", KEY)
    for values in (pa.array([17]), pa.array([17.0]), pa.array(["17"]).dictionary_encode()):
        assert redact(values, "hash", KEY) == texts


def test_without_a_key_nothing_leaves() -> None:
    assert redact(pa.array(["a", "b"]), "hash", None).null_count == 2


@given(numbers=NUMBERS, width=st.sampled_from([0.25, 1.0, 10.0, 365.0]))
def test_numbers_become_the_lower_limit_of_their_bucket(
    numbers: list[float | None], width: float
) -> None:
    found = redact(pa.array(numbers, pa.float64()), Bucket(bucket=width), None).to_pylist()
    assert found == [None if x is None else math.floor(x / width) * width for x in numbers]


def test_whole_numbers_have_buckets_too() -> None:
    assert redact(pa.array([19, -1, None]), Bucket(bucket=10), None).to_pylist() == [10, -10, None]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", None])
def test_times_become_the_beginning_of_their_day(zone: str | None) -> None:
    noon = datetime(1980, 5, 4, 12, tzinfo=UTC).timestamp()
    times = pa.array([int(noon)]).cast(pa.timestamp("s", zone))
    (found,) = redact(times, Bucket(bucket=86_400), None).to_pylist()
    assert found == datetime(1980, 5, 4, tzinfo=UTC)


def test_what_has_no_buckets_is_missing() -> None:
    assert redact(pa.array(["a", "b"]), Bucket(bucket=10), KEY).null_count == 2


@given(texts=TEXTS, n=st.integers(1, 5))
def test_text_keeps_its_beginning(texts: list[str | None], n: int) -> None:
    found = redact(pa.array(texts, pa.string()), Truncate(truncate=n), None).to_pylist()
    assert found == [None if text is None else text[:n] for text in texts]


def test_a_column_that_is_dropped_holds_nothing() -> None:
    assert redact(pa.array([1.5, 2.5]), "drop", KEY).null_count == 2


def test_what_cannot_be_written_is_no_text() -> None:
    assert as_text(pa.array([[1.0], [2.0]])).null_count == 2


def test_hashes_are_categories_that_any_reader_takes() -> None:
    (found,) = redact(pa.array(["a"]), "hash", KEY).to_pylist()
    assert len(found) == 32
    assert set(found) <= set(string.hexdigits)
