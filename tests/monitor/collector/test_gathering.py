import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from monitor.batches import ID, LATENCY, TIME, conform, lost
from monitor.collector.gathering import CHUNK_ROWS, Gathering
from monitor.decoders import Decoded
from tests.support.registrations import registration

SCHEMA = registration().schema
NAMES = [field.name for field in SCHEMA]
values = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.floats(), st.text(max_size=2))


@st.composite
def exchanges(draw: st.DrawFn) -> list[Decoded]:
    """Some of the schema's columns, or others; a few rows, or so many that a chunk is full."""
    found = []
    for _ in range(draw(st.integers(0, 4))):
        n = draw(st.sampled_from([1, 2, 3, CHUNK_ROWS - 1, CHUNK_ROWS, CHUNK_ROWS + 1]))
        names = draw(st.lists(st.sampled_from([*NAMES, "other"]), unique=True))
        few = st.lists(values, min_size=3, max_size=3)
        found.append(Decoded({name: (draw(few) * n)[:n] for name in names}, n))
    return found


def gathered(decoded: list[Decoded]) -> pa.RecordBatch | None:
    known = registration()
    rows = Gathering(known)
    for i, each in enumerate(decoded):
        rows.add(f"r{i}", each, time=float(i), latency_s=i / 10)
    return rows.to_arrow()


@given(exchanges())
def test_what_is_made_chunk_by_chunk_is_what_would_be_made_at_once(decoded: list[Decoded]) -> None:
    batch = gathered(decoded)
    if batch is None:
        assert not decoded
        return
    n = sum(each.n for each in decoded)
    listed: dict[str, list[object]] = {
        name: [v for each in decoded for v in each.columns.get(name, [None] * each.n)]
        for name in [*NAMES, "other"]
    }
    at_once = conform(listed, SCHEMA, n=n)
    for name in NAMES:
        assert repr(batch[name].to_pylist()) == repr(at_once.columns[name].to_pylist())
    assert lost(batch, "mismatched") == at_once.mismatched


def test_every_row_has_the_id_the_time_and_the_latency_of_its_exchange() -> None:
    batch = gathered([Decoded({}, 2), Decoded({}, 1)])
    assert batch is not None
    assert batch[ID].to_pylist() == ["r0/0", "r0/1", "r1"]
    assert [time.timestamp() for time in batch[TIME].to_pylist()] == [0.0, 0.0, 1.0]
    assert batch[LATENCY].to_pylist() == [0.0, 0.0, 0.1]


def test_a_latency_that_is_not_known_stays_so() -> None:
    known = registration()
    rows = Gathering(known)
    rows.add("r", Decoded({}, 1), time=0.0, latency_s=float("nan"))
    batch = rows.to_arrow()
    assert batch is not None
    assert repr(batch[LATENCY].to_pylist()) == "[nan]"


def test_of_nothing_there_is_no_batch() -> None:
    assert gathered([]) is None
