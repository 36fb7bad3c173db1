from itertools import pairwise

import hpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.collector.grpc.frames import Frame, UnreadableError
from monitor.collector.grpc.header_blocks import HeaderBlock, HeaderBlocks
from tests.support.http2_frames import CONTINUATION, END_HEADERS, END_STREAM, HEADERS

NAMES = st.sampled_from([":path", "te", "x-request-id", "a-long-name-of-a-header"])
VALUES = st.text("abcdefz019/", max_size=12)
PAIRS = st.lists(st.tuples(NAMES, VALUES), min_size=1, max_size=6)


def frames(block: bytes, stream: int, places: list[int], flags: int = 0) -> list[Frame]:
    """A block as HEADERS, and CONTINUATION for all but its first piece."""
    at = sorted({place % (len(block) + 1) for place in places} | {0, len(block)})
    pieces = [block[a:b] for a, b in pairwise(at)]
    cut = [
        Frame(CONTINUATION if i else HEADERS, 0 if i else flags, stream, piece)
        for i, piece in enumerate(pieces)
    ]
    return [*cut[:-1], cut[-1]._replace(flags=cut[-1].flags | END_HEADERS)]


@given(
    blocks=st.lists(st.tuples(PAIRS, st.lists(st.integers(0, 999), max_size=4)), max_size=12),
    sizes=st.lists(st.sampled_from([0, 64, 200, 4096, 65_536]), min_size=12, max_size=12),
)
def test_headers_are_what_was_encoded_whatever_the_table_does(
    blocks: list[tuple[list[tuple[str, str]], list[int]]], sizes: list[int]
) -> None:
    encoder, reader = hpack.Encoder(), HeaderBlocks()
    for i, ((pairs, places), size) in enumerate(zip(blocks, sizes, strict=False)):
        encoder.header_table_size = size
        cut = frames(encoder.encode(pairs), 2 * i + 1, places, END_STREAM * (i % 2))
        *unfinished, found = [reader.add(frame) for frame in cut]
        assert unfinished == [None] * len(unfinished)
        wanted = [(name.encode(), value.encode()) for name, value in pairs]
        assert found == HeaderBlock(2 * i + 1, bool(i % 2), wanted)
        assert reader.is_between


@given(st.lists(st.sampled_from(range(8)), max_size=30), st.sampled_from([40, 90, 150, 4096]))
def test_the_same_bytes_are_read_anew_once_the_table_has_changed(
    order: list[int], size: int
) -> None:
    """Blocks of raw references and additions, among them the same again; beside a plain decoder."""
    plain, reader = hpack.Decoder(), HeaderBlocks()
    long = b"\x40\x01a" + b"\x7f\x81\x01" + b"c" * 256
    blocks = [AB, CD, b"\xbe", SECOND, b"\x88", long, b"\x20", resized(size)]
    for i in order:
        try:
            wanted = list(plain.decode(blocks[i], raw=True))
        except hpack.HPACKError:
            with pytest.raises(UnreadableError):
                reader.add(Frame(HEADERS, END_HEADERS, 1, blocks[i]))
            return
        found = reader.add(Frame(HEADERS, END_HEADERS, 1, blocks[i]))
        assert found is not None
        assert found.headers == wanted


AB, CD, SECOND = b"\x40\x01a\x01b", b"\x40\x01c\x01d", b"\xbf"


def read(reader: HeaderBlocks, *blocks: bytes) -> object:
    """The headers of the last one."""
    *_, last = (reader.add(Frame(HEADERS, END_HEADERS, 1, block)) for block in blocks)
    return last and last.headers


def test_an_entry_that_is_pushed_out_by_one_like_the_first_is_gone() -> None:
    reader = HeaderBlocks()
    assert read(reader, resized(80), CD, AB, SECOND, SECOND) == [(b"c", b"d")]
    assert read(reader, AB, SECOND) == [(b"a", b"b")]


def test_an_entry_for_which_the_table_became_too_small_is_gone() -> None:
    reader = HeaderBlocks()
    assert read(reader, CD, AB, SECOND, SECOND) == [(b"c", b"d")]
    with pytest.raises(UnreadableError):
        read(reader, resized(40), SECOND)


def resized(size: int) -> bytes:
    """A block that says how large the table is from here on."""
    block = hpack.hpack.encode_integer(size, 5)
    block[0] |= 0x20
    return bytes(block)


def test_values_that_are_no_text_pass() -> None:
    block = hpack.Encoder().encode([(b"trace-bin", b"\0\xff\xfe")])
    found = HeaderBlocks().add(Frame(HEADERS, END_HEADERS, 1, block))
    assert found is not None
    assert found.headers == [(b"trace-bin", b"\0\xff\xfe")]


@given(st.binary(max_size=200))
def test_whatever_comes_it_is_read_or_refused(block: bytes) -> None:
    try:
        found = HeaderBlocks().add(Frame(HEADERS, END_HEADERS, 1, block))
    except UnreadableError:
        return
    assert found is not None


def test_a_table_of_any_size_is_not_followed() -> None:
    with pytest.raises(UnreadableError, match="bad headers"):
        HeaderBlocks().add(Frame(HEADERS, END_HEADERS, 1, resized(2**20)))


def test_few_bytes_that_mean_many_headers_are_refused() -> None:
    reader, encoder = HeaderBlocks(), hpack.Encoder()
    block = encoder.encode([("x", "y" * 3000)])
    again = encoder.encode([("x", "y" * 3000)]) * 20
    reader.add(Frame(HEADERS, END_HEADERS, 1, block))
    with pytest.raises(UnreadableError, match="bad headers"):
        reader.add(Frame(HEADERS, END_HEADERS, 3, again))


def test_a_block_without_end_is_refused_before_it_fills_the_memory() -> None:
    reader = HeaderBlocks()
    reader.add(Frame(HEADERS, 0, 1, b""))
    reader.add(Frame(CONTINUATION, 0, 1, bytes(32 * 1024)))
    with pytest.raises(UnreadableError, match="bad headers"):
        reader.add(Frame(CONTINUATION, 0, 1, b"\0"))


def test_a_continuation_continues_what_was_begun() -> None:
    reader = HeaderBlocks()
    with pytest.raises(UnreadableError, match="bad frame"):
        reader.add(Frame(CONTINUATION, 0, 1, b""))
    reader.add(Frame(HEADERS, 0, 1, b""))
    with pytest.raises(UnreadableError, match="bad frame"):
        reader.add(Frame(CONTINUATION, 0, 3, b""))
