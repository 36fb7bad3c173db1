"""Pictures of all dashboards, of a run that it makes: `python -m tests.support.grafana FOLDER`.

Grafana is not needed; Prometheus and Chromium are. With --prometheus URL and --minutes, pictures of
what that one has scraped.
"""

import argparse
import json
import shutil
import tempfile
import time
from pathlib import Path

from dashboards.boards import BOARDS
from dashboards.generate import ROOT
from monitor.up.supervisor import Supervisor
from tests.support.browsing import chromium
from tests.support.grafana import scene
from tests.support.grafana.asked import Span
from tests.support.grafana.page import WIDTH, page
from tests.support.prometheus import Prometheus

SCRAPED_EVERY_S = 2.0


def draw(prometheus: Prometheus, span: Span, folder: Path) -> None:
    """A PNG of each board."""
    folder.mkdir(parents=True, exist_ok=True)
    with chromium(program("chromium")) as browser:
        tab = browser.new_page(viewport={"width": WIDTH, "height": 900})
        for board in BOARDS:
            name = f"driftmeter-{board.name}"
            text = (ROOT / "dashboards" / "grafana" / f"{name}.json").read_text(encoding="utf-8")
            tab.set_content(page(json.loads(text), prometheus, span))
            tab.screenshot(path=str(folder / f"{name}.png"), full_page=True)


def program(name: str) -> Path:
    found = shutil.which(name)
    if found is None:
        raise SystemExit(f"there is no {name!r} on this machine")
    return Path(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=6.0)
    parser.add_argument("--prometheus", help="URL of one that runs; nothing else is started")
    args = parser.parse_args()
    seconds = 60 * args.minutes
    if args.prometheus:
        now = time.time()
        draw(Prometheus(args.prometheus), Span(now - seconds, now, SCRAPED_EVERY_S), args.folder)
        return
    with tempfile.TemporaryDirectory() as folder, Supervisor(Path(folder) / "logs") as supervisor:
        began = time.time()
        found = scene.play(supervisor, program("prometheus"), Path(folder), seconds)
        draw(found, Span(began, time.time(), SCRAPED_EVERY_S), args.folder)


if __name__ == "__main__":
    main()
