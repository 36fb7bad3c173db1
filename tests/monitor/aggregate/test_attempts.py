"""Marks of what is being read, as processes that die leave them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.aggregate.attempts import MAX_DEATHS, Attempts
from monitor.kafka.records import Partition, Record


def record(offset: int, topic: str = "t") -> Record:
    return Record(topic=topic, partition=1, offset=offset, time=0.0, value=b"")


def die(folder: Path, first: int, last: int) -> None:
    """A process that is killed while it reads these."""
    script = (
        "import os, signal, sys\nfrom pathlib import Path\n"
        "from monitor.aggregate.attempts import Attempts\n"
        "from monitor.kafka.records import Record\n"
        "one, other = (Record(topic='t', partition=1, offset=int(o), time=0.0, value=b'') "
        "for o in sys.argv[2:])\n"
        "Attempts(Path(sys.argv[1])).reading(one, other)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    command = [sys.executable, "-c", script, str(folder), str(first), str(last)]
    assert subprocess.run(command, check=False, timeout=60).returncode == -9


def test_two_deaths_over_a_record_condemn_it(tmp_path: Path) -> None:
    for n in range(MAX_DEATHS):
        attempts = Attempts(tmp_path)
        assert attempts.is_suspect(record(5)) == (n > 0)
        assert not attempts.is_condemned(record(5))
        attempts.close()
        die(tmp_path, 5, 5)
    attempts = Attempts(tmp_path)
    assert attempts.is_condemned(record(5))
    assert not attempts.is_condemned(record(6))
    assert not attempts.is_condemned(record(5, topic="other"))
    attempts.close()


def test_a_death_over_several_makes_each_of_them_suspect_and_condemns_none(tmp_path: Path) -> None:
    for _ in range(3):
        die(tmp_path, 10, 20)
    attempts = Attempts(tmp_path)
    assert [attempts.is_suspect(record(i)) for i in (9, 10, 20, 21)] == [False, True, True, False]
    assert not any(attempts.is_condemned(record(i)) for i in range(9, 22))
    attempts.close()


def test_what_went_well_leaves_no_mark(tmp_path: Path) -> None:
    attempts = Attempts(tmp_path)
    attempts.reading(record(1), record(3))
    attempts.done()
    os.close(attempts._mark)
    after = Attempts(tmp_path)
    assert not after.has_suspects
    after.close()


def test_what_is_committed_is_no_longer_suspect(tmp_path: Path) -> None:
    die(tmp_path, 10, 20)
    attempts = Attempts(tmp_path)
    attempts.settle({Partition("t", 1): 20})
    assert attempts.has_suspects
    attempts.settle({Partition("t", 1): 21})
    attempts.close()
    after = Attempts(tmp_path)
    assert not after.has_suspects
    after.close()


@pytest.mark.parametrize("n", [2, 5])
def test_replicas_that_share_a_folder_keep_apart(tmp_path: Path, n: int) -> None:
    replicas = [Attempts(tmp_path) for _ in range(n)]
    replicas[0].reading(record(1), record(1))
    os.close(replicas[0]._mark)
    successor = Attempts(tmp_path)
    assert successor.is_suspect(record(1))
    for one in (*replicas[1:], successor):
        one.close()
