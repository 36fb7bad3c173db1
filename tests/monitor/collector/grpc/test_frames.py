from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.collector.grpc.frames import Frame, Frames, UnreadableError
from tests.support.http2_frames import (
    CONTINUATION,
    DATA,
    HEADERS,
    PADDED,
    WITH_PRIORITY,
    frame,
)

SENT = st.builds(
    Frame,
    st.integers(0, 255),
    st.integers(0, 255),
    st.integers(0, 2**31 - 1),
    st.binary(max_size=40),
)


def cut(raw: bytes, places: list[int]) -> list[bytes]:
    """The bytes in pieces, cut at places (modulo their number)."""
    at = sorted({place % (len(raw) + 1) for place in places} | {0, len(raw)})
    return [raw[a:b] for a, b in pairwise(at)]


@given(sent=st.lists(SENT, max_size=8), places=st.lists(st.integers(0, 10_000)))
def test_however_bytes_arrive_the_frames_are_the_same(sent: list[Frame], places: list[int]) -> None:
    frames = Frames(lambda kind, _stream, _length: kind % 3 != 0)
    raw = b"".join(frame(one.kind, one.stream, one.payload, one.flags) for one in sent)
    found = [one for piece in cut(raw, places) for one in frames.feed(piece)]
    assert found == [one if one.kind % 3 else one._replace(payload=b"") for one in sent]
    assert frames.is_between


def test_the_reserved_bit_is_no_part_of_the_stream() -> None:
    raw = frame(DATA, 3 | 1 << 31, b"x")
    assert [one.stream for one in Frames(lambda *_: True).feed(raw)] == [3]


def test_it_is_asked_once_for_each_frame() -> None:
    asked: list[tuple[int, int, int]] = []

    def wants(kind: int, stream: int, length: int) -> bool:
        asked.append((kind, stream, length))
        return True

    frames = Frames(wants)
    for byte in frame(DATA, 1, b"abc") + frame(HEADERS, 3):
        list(frames.feed(bytes([byte])))
    assert asked == [(DATA, 1, 3), (HEADERS, 3, 0)]


def test_what_is_not_wanted_is_not_held() -> None:
    frames = Frames(lambda *_: False)
    list(frames.feed(frame(DATA, 1, bytes(2**24 - 1))[:-1]))
    assert not frames.is_between
    assert not frames._begun
    assert list(frames.feed(b"\0" + frame(DATA, 3))) == [Frame(DATA, 0, 3, b"")]
    assert frames.is_between


def test_padding_and_priority_are_no_content() -> None:
    assert Frame(DATA, PADDED, 1, b"\2abc\0\0").content() == b"abc"
    assert Frame(HEADERS, WITH_PRIORITY, 1, b"\0\0\0\0\1abc").content() == b"abc"
    assert Frame(HEADERS, PADDED | WITH_PRIORITY, 1, b"\1\0\0\0\0\1abc\0").content() == b"abc"
    assert Frame(DATA, PADDED, 1, b"\3\0\0\0").content() == b""
    assert Frame(DATA, WITH_PRIORITY, 1, b"abc").content() == b"abc"
    assert Frame(CONTINUATION, PADDED, 1, b"\1abc").content() == b"\1abc"


@pytest.mark.parametrize(
    "broken",
    [
        Frame(DATA, PADDED, 1, b""),
        Frame(DATA, PADDED, 1, b"\4abc"),
        Frame(HEADERS, WITH_PRIORITY, 1, b"\0\0\0\0"),
        Frame(HEADERS, WITH_PRIORITY | PADDED, 1, b"\2\0\0\0\0\1\0"),
    ],
    ids=range(4),
)
def test_padding_beyond_the_frame_is_refused(broken: Frame) -> None:
    with pytest.raises(UnreadableError, match="bad frame"):
        broken.content()
