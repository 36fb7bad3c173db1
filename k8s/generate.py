"""Writes what says of the chart's values what values.yaml says: `python -m k8s.generate [--check]`.

The comment above a value that begins with `--` is its description in the chart's README.md and in
values.schema.json, where editors and Helm's own messages find it.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parent / "driftmeter"

Json = dict[str, Any]
Place = tuple[str, ...]

INTRODUCTION = """\
# Driftmeter's Helm chart

{description}

Version {version}, of Driftmeter {app_version}; for Kubernetes {kubernetes}. How to install, upgrade
and connect it is in [k8s/README.md](../README.md). The schema of the values is closed: what is not
in this table is an error.

| value | default | |
| --- | --- | --- |
"""

END = "\nMade from values.yaml by `python -m k8s.generate`.\n"


def descriptions(text: str) -> dict[Place, str]:
    """What a values.yaml says of its values, by their place."""
    lines = text.splitlines()
    found = {place: _above(lines, line) for place, line in _keys(yaml.compose(text))}
    return {place: said for place, said in found.items() if said}


def _keys(node: yaml.Node | None, place: Place = ()) -> Iterator[tuple[Place, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield (*place, key.value), key.start_mark.line
            yield from _keys(value, (*place, key.value))


def _above(lines: Sequence[str], line: int) -> str:
    """The comment that ends just above a line, if it begins with `--`."""
    said: list[str] = []
    for one in reversed(lines[:line]):
        comment = one.strip()
        if not comment.startswith("#"):
            break
        said.insert(0, comment.removeprefix("#").strip())
        if said[0].startswith("-- "):
            return " ".join(said).removeprefix("-- ")
    return ""


def described(schema: Json, said: Mapping[Place, str], place: Place = ()) -> Json:
    """A JSON Schema with these descriptions; where there is none, it keeps its own."""
    description = said.get(place, schema.get("description"))
    rest = {key: value for key, value in schema.items() if key not in ("description", "properties")}
    if "properties" in schema:
        inner = schema["properties"].items()
        rest["properties"] = {key: described(one, said, (*place, key)) for key, one in inner}
    return rest | ({"description": description} if description else {})


def rows(schema: Json, values: Any, place: Place = ()) -> Iterator[str]:
    """A line of the table for every value that may be given, in the order of values.yaml."""
    if "properties" in schema:
        for key in values:
            yield from rows(schema["properties"][key], values[key], (*place, key))
        return
    default = json.dumps(values, ensure_ascii=False)
    yield f"| `{'.'.join(place)}` | `{default}` | {schema['description']} |"


def readme(chart: Path) -> str:
    about = yaml.safe_load((chart / "Chart.yaml").read_text("utf-8"))
    values = yaml.safe_load((chart / "values.yaml").read_text("utf-8"))
    introduction = INTRODUCTION.format(
        description=about["description"],
        version=about["version"],
        app_version=about["appVersion"],
        kubernetes=about["kubeVersion"].removesuffix("-0"),
    )
    return introduction + "\n".join(rows(_schema(chart), values)) + "\n" + END


def _schema(chart: Path) -> Json:
    said = descriptions((chart / "values.yaml").read_text("utf-8"))
    return described(json.loads((chart / "values.schema.json").read_text("utf-8")), said)


def generated(chart: Path) -> dict[Path, str]:
    """What the files are to hold, by their path."""
    schema = json.dumps(_schema(chart), indent=2, ensure_ascii=False) + "\n"
    return {chart / "values.schema.json": schema, chart / "README.md": readme(chart)}


def main(arguments: Sequence[str] | None = None, chart: Path = CHART) -> int:
    """0 if the files are up to date or were written, 1 if --check finds one that is not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    check = parser.parse_args(arguments).check
    wanted = generated(chart)
    stale = [path for path, text in wanted.items() if not _is(path, text)]
    for path in stale:
        if check:
            print(f"{path} is out of date: run python -m k8s.generate", file=sys.stderr)
        else:
            path.write_text(wanted[path], encoding="utf-8")
    return 1 if check and stale else 0


def _is(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
