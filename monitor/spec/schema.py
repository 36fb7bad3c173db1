"""The JSON Schema of Monitor documents, for editors: `python -m monitor.spec.schema [--check]`."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from monitor.spec.model import Monitor

PATH = Path(__file__).parents[2] / "docs" / "monitor.schema.json"


def text() -> str:
    """The schema as committed."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Monitor.model_json_schema(),
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str]) -> int:
    if list(arguments) != ["--check"]:
        PATH.write_text(text(), encoding="utf-8")
        return 0
    if PATH.exists() and PATH.read_text(encoding="utf-8") == text():
        return 0
    print(f"{PATH} is out of date: run python -m monitor.spec.schema", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
