"""What is read along on one connection: hand-made frames."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.collector.capture import CaptureLimits, Dropped
from monitor.collector.grpc.calls import MAX_CALLS, Calls, Room
from monitor.collector.grpc.conversation import Conversation
from monitor.collector.grpc.frames import UnreadableError
from tests.support.grpc_model import MODEL_INFER
from tests.support.grpc_watcher import Watching
from tests.support.http2_frames import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PADDED,
    PING,
    PREFACE,
    PRIORITY,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    WITH_PRIORITY,
    Speaker,
    frame,
    message,
)

GREETING = PREFACE + frame(SETTINGS, 0)
Heard = list[tuple[bool, bytes]]


class Talk:
    """A conversation that has begun, and its two speakers."""

    def __init__(self, watching: Watching | None = None) -> None:
        self.watching = watching or Watching()
        self.calls = Calls(self.watching)
        self._conversation = Conversation(self.calls)
        self.client, self.model = Speaker(), Speaker()
        self.now = 0.0
        self.ask(GREETING)
        self.answer(frame(SETTINGS, 0))

    def ask(self, *data: bytes) -> None:
        self._conversation.hear_client(b"".join(data), self.now)

    def answer(self, *data: bytes) -> None:
        self._conversation.hear_model(b"".join(data), self.now)

    @property
    def n_held(self) -> int:
        """Bytes of a request's frame that is not complete."""
        return len(self._conversation._from_client._begun)

    def may_be_spoken_in(self) -> bool:
        return self._conversation.may_be_spoken_in


@pytest.fixture
def talk() -> Talk:
    return Talk()


def test_a_call_is_followed_from_its_headers_to_its_trailers(talk: Talk) -> None:
    talk.now = 10.0
    talk.ask(talk.client.request(1, b"rows", x_request_id="r1"))
    talk.now = 10.5
    talk.answer(talk.model.begin(1), frame(DATA, 1, message(b"answer")))
    assert not talk.watching.calls
    talk.now = 11.0
    talk.answer(talk.model.end(1))
    (call,) = talk.watching.calls
    assert (call.path, call.status) == (MODEL_INFER.encode(), 200)
    assert (call.started, call.finished) == (10.0, 11.0)
    assert call.request.headers == [(b"x-request-id", b"r1")]
    assert talk.watching.messages == [(b"rows", b"answer")]
    assert len(talk.calls) == talk.watching.room.used_bytes == 0


def test_streams_that_are_interleaved_are_told_apart(talk: Talk) -> None:
    for stream in (1, 3, 5):
        talk.ask(talk.client.request(stream, b"asked %d" % stream))
    talk.answer(*(talk.model.begin(stream) for stream in (5, 1, 3)))
    for part in (slice(0, 4), slice(4, None)):
        for stream in (3, 5, 1):
            talk.answer(frame(DATA, stream, message(b"answered %d" % stream)[part]))
    talk.answer(*(talk.model.end(stream) for stream in (1, 3, 5)))
    assert talk.watching.messages == [
        (b"asked %d" % stream, b"answered %d" % stream) for stream in (1, 3, 5)
    ]


def test_padded_data_and_priorities_are_read(talk: Talk) -> None:
    talk.ask(
        talk.client.request(1, b"")[: -9 - 5],
        frame(DATA, 1, b"\7" + message(b"rows")[:3] + bytes(7), PADDED),
        frame(DATA, 1, b"\0" + message(b"rows")[3:], PADDED),
        frame(DATA, 1, b"", END_STREAM),
    )
    talk.answer(talk.model.response(1, b"answer"))
    assert talk.watching.messages == [(b"rows", b"answer")]


def test_headers_in_many_frames_with_padding_and_priority_are_read(talk: Talk) -> None:
    block = talk.client.request(1, b"")[9 : -9 - 5]
    first = b"\3" + b"\0\0\0\0\x10" + block[:10] + bytes(3)
    talk.ask(
        frame(HEADERS, 1, first, PADDED | WITH_PRIORITY),
        frame(CONTINUATION, 1, block[10:20]),
        frame(CONTINUATION, 1, b""),
        frame(CONTINUATION, 1, block[20:], END_HEADERS),
        frame(DATA, 1, message(b"rows"), END_STREAM),
    )
    talk.answer(talk.model.response(1, b"answer"))
    assert talk.watching.messages == [(b"rows", b"answer")]


def test_the_tables_of_headers_are_kept_by_calls_that_nobody_wants(talk: Talk) -> None:
    for stream in (1, 3):
        path = "/other" if stream == 1 else MODEL_INFER
        talk.ask(talk.client.request(stream, b"rows", path=path, tenant="t" * 20))
        talk.answer(talk.model.response(stream, b"answer"))
    (call,) = talk.watching.calls
    assert (b"tenant", b"t" * 20) in call.request.headers
    assert talk.watching.statuses == [200, 200]


def test_an_error_without_a_message_is_a_call_too(talk: Talk) -> None:
    talk.ask(talk.client.request(1, b"rows"))
    pairs = [(":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "5")]
    talk.answer(talk.model.headers(1, pairs, flags=END_HEADERS | END_STREAM))
    assert [call.status for call in talk.watching.calls] == [404]
    assert talk.watching.messages == [(b"rows", b"")]


def test_a_call_that_is_broken_off_is_counted_and_no_more(talk: Talk) -> None:
    for stream in (1, 3, 5, 7):
        talk.ask(talk.client.request(stream, b"rows"))
    talk.answer(talk.model.begin(3), frame(DATA, 3, message(b"half")[:-1]))
    talk.ask(frame(RST_STREAM, 1, bytes(4)))
    talk.answer(frame(RST_STREAM, 3, bytes(4)))
    talk.answer(frame(DATA, 1, b"late"), talk.model.response(1, b"late"))
    assert talk.watching.statuses == [499, 503]
    talk.calls.break_off_all(499, 0.0)
    assert talk.watching.statuses == [499, 503, 499, 499]
    assert not talk.watching.calls
    assert talk.watching.room.used_bytes == 0


def test_what_is_no_grpc_is_counted_by_its_status(talk: Talk) -> None:
    pairs = [(":method", "POST"), (":path", MODEL_INFER), ("content-type", "application/json")]
    talk.ask(talk.client.headers(1, pairs), frame(DATA, 1, b"{}", END_STREAM))
    talk.answer(talk.model.headers(1, [(":status", "415")]), frame(DATA, 1, b"no", END_STREAM))
    assert (talk.watching.statuses, talk.watching.calls) == ([415], [])


def test_frames_that_say_nothing_of_calls_are_passed_over(talk: Talk) -> None:
    noise = [frame(kind, 0, bytes(8)) for kind in (PRIORITY, PING, WINDOW_UPDATE, 7, 10, 255)]
    talk.ask(*noise, talk.client.request(1, b"rows"), *noise)
    interim = talk.model.headers(1, [(":status", "103"), ("link", "x")])
    talk.answer(*noise, interim, talk.model.response(1, b"answer"), *noise)
    assert talk.watching.messages == [(b"rows", b"answer")]


def test_a_trailer_of_the_client_begins_no_call(talk: Talk) -> None:
    request = talk.client.request(1, b"rows")
    trailer = talk.client.headers(1, [("x", "y")], flags=END_HEADERS | END_STREAM)
    talk.ask(request, trailer)
    talk.answer(talk.model.response(1, b"answer"))
    talk.ask(talk.client.headers(1, [("x", "y")]))
    assert talk.watching.messages == [(b"rows", b"answer")]
    assert len(talk.calls) == 0


# bounds


def test_a_message_beyond_the_limit_is_given_up_and_its_room_returned() -> None:
    talk = Talk(Watching(limits=CaptureLimits(body_bytes=100)))
    talk.ask(talk.client.request(1, bytes(100)), talk.client.request(3, bytes(101)))
    talk.answer(talk.model.response(1, bytes(100)), talk.model.response(3, b""))
    talk.ask(talk.client.request(5, b""))
    talk.answer(talk.model.response(5, bytes(101)))
    assert talk.watching.messages == [(bytes(100), bytes(100))]
    assert talk.watching.dropped == [Dropped.TOO_LARGE] * 2
    assert talk.watching.statuses == [200] * 3
    assert talk.watching.room.used_bytes == 0


def test_calls_for_which_there_is_no_room_are_dropped_and_later_ones_are_not() -> None:
    talk = Talk(Watching(room=Room(2_900)))
    talk.ask(*(talk.client.request(stream, bytes(1_000)) for stream in (1, 3, 5)))
    assert talk.watching.dropped == [Dropped.QUEUE_FULL] * 2
    talk.answer(*(talk.model.response(stream, b"") for stream in (1, 3, 5)))
    talk.ask(talk.client.request(7, bytes(1_000)))
    talk.answer(talk.model.response(7, b""))
    assert talk.watching.messages == [(bytes(1_000), b"")] * 2
    assert talk.watching.room.used_bytes == 0


def test_a_frame_that_has_begun_is_not_held_beyond_its_call(talk: Talk) -> None:
    talk.ask(
        talk.client.request(1, b"")[: -9 - 5], frame(DATA, 1, message(bytes(100_000)))[:50_000]
    )
    assert talk.n_held == 50_000 - 9
    talk.answer(talk.model.end(1, status=3))
    assert talk.n_held == talk.watching.room.used_bytes == 0
    talk.ask(bytes(50_014), talk.client.request(3, b"next"))
    talk.answer(talk.model.response(3, b"answer"))
    assert talk.watching.messages[1:] == [(b"next", b"answer")]


def test_calls_without_end_are_not_followed_without_end() -> None:
    talk = Talk()
    for i in range(MAX_CALLS):
        talk.ask(talk.client.request(2 * i + 1, b"", path="/other"))
    with pytest.raises(UnreadableError, match="too many calls"):
        talk.ask(talk.client.request(2 * MAX_CALLS + 1, b""))
    talk.calls.forget()
    assert talk.watching.room.used_bytes == 0


def test_what_is_forgotten_gives_its_room_back(talk: Talk) -> None:
    talk.ask(talk.client.request(1, bytes(1_000)))
    assert talk.watching.room.used_bytes > 1_000
    talk.calls.forget()
    assert (talk.watching.room.used_bytes, talk.watching.statuses) == (0, [])


# what cannot be read


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "not HTTP/2"),
        (b"\x16\x03\x01\x02\x00", "not HTTP/2"),
        (GREETING + frame(CONTINUATION, 1), "bad frame"),
        (GREETING + frame(HEADERS, 1) + frame(DATA, 1), "bad frame"),
        (GREETING + frame(HEADERS, 1) + frame(HEADERS, 1), "bad frame"),
        (GREETING + frame(HEADERS, 1, b"\xff\xff", END_HEADERS), "bad headers"),
        (GREETING + frame(HEADERS, 1, bytes(40_000)), "bad headers"),
    ],
    ids=range(7),
)
def test_what_a_client_says_amiss_ends_the_reading(asked: bytes, reason: str) -> None:
    with pytest.raises(UnreadableError, match=reason):
        Conversation(Calls(Watching())).hear_client(asked, 0.0)


@pytest.mark.parametrize(
    ("answered", "reason"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "not HTTP/2"),
        (frame(PING, 0, bytes(8)), "not HTTP/2"),
        (frame(SETTINGS, 0) + frame(PUSH_PROMISE, 1, bytes(4)), "bad frame"),
    ],
    ids=range(3),
)
def test_what_a_model_says_amiss_ends_the_reading(answered: bytes, reason: str) -> None:
    with pytest.raises(UnreadableError, match=reason):
        Conversation(Calls(Watching())).hear_model(answered, 0.0)


def test_a_response_that_begins_twice_ends_the_reading(talk: Talk) -> None:
    talk.ask(talk.client.request(1, b"rows"))
    with pytest.raises(UnreadableError, match="bad frame"):
        talk.answer(talk.model.begin(1), talk.model.begin(1))


FRAMES = st.builds(
    frame,
    st.integers(0, 11),
    st.sampled_from([0, 1, 1, 3]),
    st.binary(max_size=60),
    st.integers(0, 255),
)


@given(st.lists(st.tuples(st.booleans(), FRAMES | st.binary(max_size=30)), max_size=20))
def test_whatever_is_said_nothing_but_unreadable_comes_of_it(heard: Heard) -> None:
    talk = Talk()
    talk.ask(talk.client.request(1, b"rows"))
    try:
        for is_client, data in heard:
            talk.ask(data) if is_client else talk.answer(data)
    except UnreadableError:
        talk.calls.forget()
    talk.calls.break_off_all(499, 0.0)
    assert talk.watching.room.used_bytes == 0


# where a word of our own may go


def test_one_may_speak_between_frames_once_the_model_has_begun(talk: Talk) -> None:
    conversation = Conversation(Calls(Watching()))
    assert not conversation.may_be_spoken_in
    assert talk.may_be_spoken_in()
    talk.ask(talk.client.request(1, b"rows"))
    began, data = talk.model.begin(1), frame(DATA, 1, message(b"x" * 100))
    talk.answer(began[:5])
    assert not talk.may_be_spoken_in()
    talk.answer(began[5:], data[:50])
    assert not talk.may_be_spoken_in()
    talk.answer(data[50:])
    assert talk.may_be_spoken_in()
    talk.answer(frame(HEADERS, 1, b"", END_STREAM))
    assert not talk.may_be_spoken_in()
    talk.answer(frame(CONTINUATION, 1, b"", END_HEADERS))
    assert talk.may_be_spoken_in()
