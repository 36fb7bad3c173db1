"""Writes what is generated from the metrics: `python -m dashboards.generate [--check]`."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from dashboards.boards import BOARDS
from dashboards.metrics_page import page
from dashboards.render import dashboard
from dashboards.rules_files import (
    INTERVALS,
    RULES_FILE,
    rule_tests,
    rule_tests_file,
    rules,
    runbooks_page,
)

ROOT = Path(__file__).parent.parent

GENERATED: Mapping[str, Callable[[], str]] = {
    # A chart holds what it installs: Helm reads nothing beyond its folder.
    **{
        f"{folder}/driftmeter-{board.name}.json": partial(dashboard, board)
        for folder in ("dashboards/grafana", "k8s/driftmeter/files/dashboards")
        for board in BOARDS
    },
    f"dashboards/prometheus/{RULES_FILE}": rules,
    **{
        f"dashboards/prometheus/{rule_tests_file(interval)}": partial(rule_tests, interval)
        for interval in INTERVALS
    },
    f"k8s/driftmeter/files/{RULES_FILE}": rules,
    "docs/metrics.md": page,
    "docs/runbooks/README.md": runbooks_page,
}


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """0 if the files are up to date or were written, 1 if --check finds one that is not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    check = parser.parse_args(arguments).check
    stale = [name for name, make in GENERATED.items() if not _is(root / name, make())]
    for name in stale:
        if check:
            print(f"{name} is out of date: run python -m dashboards.generate", file=sys.stderr)
        else:
            _write(root / name, GENERATED[name]())
    return 1 if check and stale else 0


def _is(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
