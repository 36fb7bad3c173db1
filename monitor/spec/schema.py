"""The JSON Schema of Monitor documents, for editors, and the same for Kubernetes:
`python -m monitor.spec.schema [--check]`.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monitor.spec import crd
from monitor.spec.model import Monitor

PATH = Path(__file__).parents[2] / "docs" / "monitor.schema.json"


def schema() -> dict[str, Any]:
    """The schema itself."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Monitor.model_json_schema(),
    }


def text() -> str:
    """The schema as committed."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str]) -> int:
    wanted = {PATH: text(), crd.PATH: crd.text(schema())}
    if list(arguments) != ["--check"]:
        for path, content in wanted.items():
            path.write_text(content, encoding="utf-8")
        return 0
    stale = [
        path
        for path, content in wanted.items()
        if not path.exists() or path.read_text(encoding="utf-8") != content
    ]
    for path in stale:
        print(f"{path} is out of date: run python -m monitor.spec.schema", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
