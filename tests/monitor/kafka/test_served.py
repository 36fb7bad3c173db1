import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.served import N_SLOTS
from monitor.kafka.served import MAX_PANES, Served, from_header, to_header

SLOTS = st.dictionaries(st.integers(0, N_SLOTS - 1), st.integers(1, 1 << 32), min_size=1)


@given(st.lists(st.builds(Served, st.floats(0, 4e9), SLOTS), max_size=4))
def test_what_was_served_survives_its_header(told: list[Served]) -> None:
    assert from_header(to_header(told)) == told


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff",
        b"7",
        b"[7]",
        b"[[1]]",
        b'[["now",{"0":1}]]',
        b"[[1,[2]]]",
        b'[[1,{"x":1}]]',
        b'[[1,{"-1":1}]]',
        b'[[1,{"%d":1}]]' % N_SLOTS,
        b'[[1,{"0":-1}]]',
        b'[[1,{"0":1.5}]]',
        b'[[1,{"0":99999999999999}]]',
        b"[" + b",".join([b'[1,{"0":1}]'] * (MAX_PANES + 1)) + b"]",
    ],
)
def test_what_cannot_be_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_header(raw)
