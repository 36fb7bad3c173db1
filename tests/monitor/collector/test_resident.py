import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from monitor.collector.resident import SMAPS, unchanged

NotTested = Callable[[str], None]

MAPS = """\
1000-2000 r--p 00000000 fe:00 17 /usr/lib/names.so
Anonymous:             0 kB
Swap:                  0 kB
2000-3000 r-xp 00001000 fe:00 17 /usr/lib/a name with spaces.so
Anonymous:             0 kB
Swap:                  0 kB
3000-4000 r--p 00002000 fe:00 17 /usr/lib/relocated.so
Anonymous:             4 kB
Swap:                  0 kB
4000-5000 r--p 00003000 fe:00 17 /usr/lib/swapped.so
Anonymous:             0 kB
Swap:                  4 kB
5000-6000 rw-p 00004000 fe:00 17 /usr/lib/data.so
Anonymous:             0 kB
6000-7000 r--p 00000000 00:00 0
Anonymous:             0 kB
7000-8000 r-xp 00000000 00:00 0                          [vdso]
Anonymous:             0 kB
"""

ARROW = """
import pyarrow as pa
import re
from monitor.collector.resident import SMAPS, unmap_libraries

def resident():
    lines = SMAPS.read_text()
    return sum(int(n) for n in re.findall(r"^Rss: +(\\d+)", lines, re.MULTILINE))

before = resident()
unmap_libraries()
print(before, resident(), pa.array(["it", "still", "works"]).to_pylist())
"""


def test_only_what_is_as_it_is_in_the_file_may_go() -> None:
    assert list(unchanged(MAPS)) == [(0x1000, 0x2000), (0x2000, 0x3000)]


def test_pages_of_libraries_are_let_go_and_come_back(not_tested: NotTested) -> None:
    if not SMAPS.exists():
        not_tested("this system does not tell which memory a process has")
    argv = [sys.executable, "-c", ARROW]
    folder = Path(__file__).parents[3]
    ran = subprocess.run(argv, capture_output=True, check=True, text=True, timeout=60, cwd=folder)
    match = re.fullmatch(r"(\d+) (\d+) \['it', 'still', 'works'\]\n", ran.stdout)
    assert match is not None
    assert int(match[2]) < int(match[1]) - 10_000  # kB
