"""What an image is made of, as CycloneDX 1.6 (ECMA-424): `python locks/sbom.py > sbom.cdx.json`.

The packages are those that are installed where it runs, with the licences that they name; it needs
nothing but Python, and what is printed depends on nothing but them.
"""

import json
import platform
import re
import sys
from collections.abc import Iterable
from importlib.metadata import Distribution, distributions
from typing import Any

OURS = "driftmeter"


def bill(found: Iterable[Distribution], python: str) -> dict[str, Any]:
    """The bill of what `found` are, for a Python of this version."""
    # One that is found twice is used as it is found first.
    components = {one["bom-ref"]: one for one in map(_component, reversed([*found]))}
    packages = [components[reference] for reference in sorted(components)]
    whole = next((one for one in packages if one["name"] == OURS), None)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {**(whole or {"name": OURS}), "type": "application"}},
        "components": [
            {"type": "platform", "name": "CPython", "version": python, "bom-ref": "cpython"},
            *(one for one in packages if one is not whole),
        ],
    }


def _component(one: Distribution) -> dict[str, Any]:
    name = re.sub(r"[-_.]+", "-", one.metadata["Name"]).lower()
    url = f"pkg:pypi/{name}@{one.version}"
    known = {"type": "library", "bom-ref": url, "name": name, "version": one.version, "purl": url}
    return known | _licences(one)


def _licences(one: Distribution) -> dict[str, Any]:
    """As a package names them: an SPDX expression (PEP 639), or else its classifiers."""
    if "License-Expression" in one.metadata:
        return {"licenses": [{"expression": one.metadata["License-Expression"]}]}
    named = [
        text.rpartition(" :: ")[2]
        for text in one.metadata.get_all("Classifier", [])
        if text.startswith("License :: ")
    ]
    return {"licenses": [{"license": {"name": name}} for name in named]} if named else {}


if __name__ == "__main__":
    json.dump(bill(distributions(), platform.python_version()), sys.stdout, indent=1)
