"""Monitor documents as a Kubernetes resource: a definition with the schema that they have anyway.

Kubernetes takes *structural* schemas only (https://kubernetes.io/docs/tasks/extend-kubernetes/
custom-resources/custom-resource-definitions/#specifying-a-structural-schema): no references, one
type in each place, no types within anyOf. What that cannot say is checked by the API.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

Json = dict[str, Any]

PATH = Path(__file__).parents[2] / "k8s" / "driftmeter" / "files" / "monitors.crd.yaml"

GROUP = "driftmeter.dev"
PLURAL = "monitors"

ANYTHING: Json = {"x-kubernetes-preserve-unknown-fields": True}

_KEPT = (
    *("type", "description", "enum", "pattern", "minLength", "maxLength", "required"),
    *("minimum", "maximum", "minItems", "maxItems", "maxProperties"),
)
"""Left out: titles, examples, and defaults, for a document says only what somebody has written."""

NAME_RULE: Json = {
    "rule": "self.metadata.name.size() <= 63",
    "message": "metadata.name has at most 63 characters",
}
SPEC_RULES: list[Json] = [
    {
        "rule": "!has(self.label) || self.label != "
        "(has(self.prediction) ? self.prediction : 'prediction')",
        "message": "label and prediction must be columns of their own",
        "fieldPath": ".label",
    },
]

LOGIN_RULES: list[Json] = [
    {
        "rule": "has(self.username) == has(self.password_file)",
        "message": "username and password_file belong together",
    },
    {
        "rule": "!(has(self.username) && has(self.token_file))",
        "message": "give a token or a username, not both",
    },
]
RULES: Mapping[str, list[Json]] = {
    "PastWindows": [
        {
            "rule": "has(self.trailing) != has(self.season)",
            "message": "give either trailing or season, not both",
        },
    ],
    "Threshold": [
        {
            "rule": "has(self.above) != has(self.below)",
            "message": "give either above or below, not both",
        },
        {
            "rule": "!has(self.until) || (has(self.above) ? self.until <= self.above"
            " : !has(self.below) || self.until >= self.below)",
            "message": "until lies on the good side of the limit",
        },
    ],
    **dict.fromkeys(("Airflow", "Http", "Jenkins", "Mlflow", "Prefect"), LOGIN_RULES),
}
"""What the API checks between the keys of one place, by the name of its definition, in CEL; the
messages are the API's. A key that says null is as if it were not there, to both.

https://kubernetes.io/docs/reference/using-api/cel/
"""

STATUS: Json = {
    "type": "object",
    "properties": {
        "observedGeneration": {"type": "integer", "format": "int64"},
        "registration": {
            "type": "string",
            "description": "resolving, active, failed, or refused by the API.",
        },
        "reason": {"type": "string", "description": "Why it failed or was refused."},
        "revision": {"type": "integer", "format": "int64"},
        "state": {"type": "string", "description": "What the last window said."},
        "lastWindow": {"type": "string", "description": "When the last reported window ended."},
        "alert": {"type": "string", "description": "Its latest alert: pending, firing, resolved."},
        "conditions": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
            "items": {
                "type": "object",
                "required": ["type", "status", "lastTransitionTime", "reason", "message"],
                "properties": {
                    "type": {"type": "string"},
                    "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
                    "observedGeneration": {"type": "integer", "format": "int64"},
                    "lastTransitionTime": {"type": "string", "format": "date-time"},
                    "reason": {"type": "string"},
                    "message": {"type": "string"},
                },
            },
        },
    },
}

COLUMNS = (
    ("Registered", "string", ".status.registration"),
    ("State", "string", ".status.state"),
    ("Alert", "string", ".status.alert"),
    ("Window", "string", ".status.lastWindow"),
    ("Age", "date", ".metadata.creationTimestamp"),
)


def definition(schema: Json) -> Json:
    """The CustomResourceDefinition of documents that have this JSON Schema (2020-12)."""
    spec = structural(schema["properties"]["spec"], schema["$defs"])
    spec["x-kubernetes-validations"] = SPEC_RULES
    whole = {
        "type": "object",
        "description": "What somebody declares about one model that is to be watched.",
        "required": ["spec"],
        "x-kubernetes-validations": [NAME_RULE],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": spec,
            "status": STATUS,
        },
    }
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": whole},
        "subresources": {"status": {}},
        "additionalPrinterColumns": [
            {"name": name, "type": kind, "jsonPath": path} for name, kind, path in COLUMNS
        ],
    }
    names = {"plural": PLURAL, "singular": "monitor", "kind": "Monitor", "shortNames": ["drift"]}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": names,
            "versions": [version],
        },
    }


def structural(schema: Json, definitions: Json) -> Json:
    """A JSON Schema as Kubernetes takes it; what it cannot say of a place, it leaves open there."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        referred = structural(definitions[name], definitions)
        rules = {"x-kubernetes-validations": RULES[name]} if name in RULES else {}
        return referred | rules | {key: schema[key] for key in ("description",) if key in schema}
    if "anyOf" in schema:
        found = _union([structural(one, definitions) for one in schema["anyOf"]])
        return found | {key: schema[key] for key in ("description",) if key in schema}
    found = {key: schema[key] for key in _KEPT if key in schema}
    if "const" in schema:
        found["enum"] = [schema["const"]]
    for limit, exclusive in (
        ("minimum", "exclusiveMinimum"),
        ("maximum", "exclusiveMaximum"),
    ):
        if exclusive in schema:
            found |= {limit: schema[exclusive], exclusive: True}
    return found | _within(schema, definitions)


def _within(schema: Json, definitions: Json) -> Json:
    """Of an object or a list: what is in it."""
    if "items" in schema:
        return {"items": structural(schema["items"], definitions)}
    if "properties" in schema:
        properties = schema["properties"].items()
        return {"properties": {name: structural(one, definitions) for name, one in properties}}
    if schema.get("type") != "object":
        return {}
    values = schema.get("additionalProperties")
    for pattern in schema.get("patternProperties", {}).values():
        values = pattern
    if isinstance(values, dict):
        return {"additionalProperties": structural(values, definitions)}
    return ANYTHING


def _union(choices: list[Json]) -> Json:
    """One schema for what may be one of several."""
    something = [one for one in choices if one.get("type") != "null"]
    nullable: Json = {"nullable": True} if len(something) < len(choices) else {}
    if len(something) == 1:
        return something[0] | nullable
    if all("enum" in one for one in something):
        return something[0] | {"enum": [value for one in something for value in one["enum"]]}
    kinds = {one.get("type") for one in something}
    if kinds == {"string", "number"}:
        pattern = next(one["pattern"] for one in something if "pattern" in one)
        return {"x-kubernetes-int-or-string": True, "pattern": pattern, "minimum": 0} | nullable
    return ANYTHING | nullable


def text(schema: Json) -> str:
    """The definition as committed."""
    said = "# Generated from docs/monitor.schema.json: python -m monitor.spec.schema\n"
    return said + yaml.safe_dump(definition(schema), sort_keys=False, allow_unicode=True, width=100)
