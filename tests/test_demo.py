"""The demo as its user sees it: from a fresh clone, in words, in pages, and in what is left."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest
from playwright.sync_api import expect

from tests.conftest import Needs
from tests.support.browsing import chromium

ROOT = Path(__file__).parent.parent

pytestmark = [
    pytest.mark.xdist_group("demo"),
    pytest.mark.skipif(
        sys.platform != "linux", reason="NOT TESTED: looks for processes left over in /proc"
    ),
]


@dataclass(frozen=True)
class Demo:
    """A demo that runs; whatever process it starts carries its mark."""

    process: subprocess.Popen[str]
    mark: str
    temporary: Path

    def lines(self) -> Iterator[str]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            yield line.rstrip()

    def until(self, text: str) -> list[str]:
        """The lines up to and with the first that holds the text."""
        seen = []
        for line in self.lines():
            seen.append(line)
            if text in line:
                return seen
        raise AssertionError(f"{text!r} was not said:\n" + "\n".join(seen))

    def marked(self) -> dict[int, str]:
        """The command lines of its processes that live, by process id."""
        return {
            int(folder.name): (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            for folder in Path("/proc").iterdir()
            if folder.name.isdigit() and self._is_marked(folder)
        }

    def _is_marked(self, folder: Path) -> bool:
        try:
            return self.mark.encode() in (folder / "environ").read_bytes()
        except OSError:  # it has ended meanwhile, or is not ours to look at
            return False

    def left_over(self) -> tuple[dict[int, str], list[Path]]:
        """Processes and files that should be gone."""
        return self.marked(), list(self.temporary.iterdir())


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[Sequence[str], Path], Demo]]:
    started: list[Demo] = []
    # A shell lets what it runs in the background ignore Ctrl-C, and that is inherited.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def run(command: Sequence[str], folder: Path) -> Demo:
        mark, temporary = f"DRIFTMETER_TEST_{uuid4().hex}", tmp_path / "temporary"
        temporary.mkdir()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, mark: "1", "TMPDIR": str(temporary)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(Demo(process, mark, temporary))
        return started[-1]

    yield run
    signal.signal(signal.SIGINT, before)
    for demo in started:
        demo.process.kill()
        demo.process.communicate()
        for pid in demo.marked():
            os.kill(pid, signal.SIGKILL)


def fresh_clone(folder: Path) -> Path:
    """What a clone of the working tree would hold: tracked files, and those about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def said(lines: Sequence[str], *phrases: str) -> list[int]:
    """Where each phrase was said first; fails where one was not."""
    text = "\n".join(lines)
    found = [next((i for i, line in enumerate(lines) if p in line), -1) for p in phrases]
    assert -1 not in found, f"{phrases[found.index(-1)]!r} was not said:\n{text}"
    return found


@pytest.mark.timeout(900)
def test_make_demo_tells_its_story_in_a_fresh_clone(
    start: Callable[[Sequence[str], Path], Demo], tmp_path: Path, needs: Needs
) -> None:
    demo = start(["make", "demo"], fresh_clone(tmp_path / "clone"))
    lines = demo.until("signature verified")
    check_what_is_served(lines)
    follow_by_clicking(re.findall(r"http://127\.0\.0\.1:\d+/", "\n".join(lines))[0], needs)
    lines += demo.lines()
    assert demo.process.wait(60) == 0, "\n".join(lines)
    check_the_story(lines)
    assert demo.left_over() == ({}, [])


def check_what_is_served(lines: Sequence[str]) -> None:
    """Pages, API and metrics, while the alert is firing."""
    page, docs, *metrics = re.findall(r"http://127\.0\.0\.1:\d+/\S*", "\n".join(lines))
    assert len(metrics) == 4
    for url in (page, docs, *metrics):
        assert httpx2.get(url, follow_redirects=True).status_code == 200, url
    assert all("driftmeter_" in httpx2.get(url).text for url in metrics)
    api = f"{page}api/v1"
    assert httpx2.get(f"{api}/monitors/free-seats").json()["state"] == "drift"
    alerts = httpx2.get(f"{api}/alerts?monitor=free-seats").json()["items"]
    assert [one["state"] for one in alerts if one["cause"] == "drift"] == ["firing"]
    (delivery,) = httpx2.get(f"{api}/deliveries?monitor=free-seats").json()["items"]
    assert delivery["kind"] == "retrain"


def follow_by_clicking(address: str, needs: Needs) -> None:
    """From all monitors to the alert, to what moved, and to who was asked to retrain."""
    with chromium(needs("chromium")) as browser:
        page = browser.new_page()
        page.goto(address)
        page.get_by_role("link", name="free-seats").click()
        expect(page.get_by_role("heading", name="Columns, the strongest first")).to_be_visible()
        page.get_by_role("link", name=re.compile("^drift alert firing")).first.click()
        expect(page.get_by_role("heading", name="What moved")).to_be_visible()
        page.get_by_role("table").first.get_by_role("link").first.click()
        expect(page.get_by_role("heading", name="Distribution")).to_be_visible()
        page.get_by_role("link", name="Deliveries").click()
        page.get_by_role("link", name="retrain to retraining").first.click()
        expect(page.get_by_role("heading", name="Attempts")).to_be_visible()


def check_the_story(lines: Sequence[str]) -> None:
    """Quiet before, drift and alert after, a better model, an end; and in this order."""
    order = said(
        lines,
        "5 of 5 days quiet",
        "A lockdown begins",
        "headway_min",
        "it looks like a covariate shift",
        "before any label",
        "alert pending",
        "alert firing",
        "signature verified",
        "new reference in force",
        "model version 2 deployed overnight",
        "alert resolved",
        "What happened when",
        "25 quiet days before the lockdown, no false alarm",
        "running → succeeded → promoted, and it helped",
    )
    assert order == sorted(order)
    said(lines, "are outliers", "labels: the model erred by")
    before, after = re.search(r"error (\S+) → (\S+) seats, on days not", "\n".join(lines)).groups()  # type: ignore[union-attr]  # `said` would fail first
    assert float(after) < float(before) / 2


def test_an_interrupted_demo_ends_soon_and_leaves_nothing(
    start: Callable[[Sequence[str], Path], Demo], tmp_path: Path
) -> None:
    demo = start([sys.executable, "-m", "monitor", "demo"], tmp_path)
    demo.until("Normal weeks")
    assert len(demo.marked()) > 5
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(60) == 130
    assert demo.left_over() == ({}, [])


@pytest.mark.long
def test_a_demo_says_which_of_its_processes_died(
    start: Callable[[Sequence[str], Path], Demo], tmp_path: Path
) -> None:
    demo = start([sys.executable, "-m", "monitor", "demo"], tmp_path)
    demo.until("Normal weeks")
    (detect,) = (pid for pid, command in demo.marked().items() if " monitor detect " in command)
    os.kill(detect, signal.SIGKILL)
    demo.until("detect was ended by SIGKILL")
    assert demo.process.wait(60) == 1
    assert demo.left_over() == ({}, [])
