from hypothesis import given
from hypothesis import strategies as st

from monitor.aggregate.repeats import Repeats

IDS = st.lists(st.sampled_from("abcdef"), max_size=12)


def by_definition(ids: list[str], max_ids: int) -> list[bool]:
    known: list[str] = []
    repeated = []
    for one in ids:
        repeated.append(one in known)
        if one not in known and len(known) < max_ids:
            known.append(one)
    return repeated


@given(IDS, st.integers(0, 12), st.integers(0, 7))
def test_an_id_is_repeated_if_it_came_before_however_the_log_is_read(
    ids: list[str], cut: int, max_ids: int
) -> None:
    repeats = Repeats(max_ids=max_ids)
    found = [*repeats.among(ids[:cut]), *repeats.among(ids[cut:])]
    assert found == by_definition(ids, max_ids)


def test_ids_that_are_new_are_none() -> None:
    assert not Repeats().among(["a", "b"]).any()
