"""The document of quotas: how much each namespace may use."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from monitor.spec.sizes import parse_size
from monitor.spec.strict import NAMESPACE_PATTERN, Strict

Size = Annotated[
    int,
    BeforeValidator(parse_size),
    WithJsonSchema({"type": "string", "pattern": r"^\d+ ?(MiB|GiB)$", "examples": ["512MiB"]}),
]
"""Bytes; written in documents as "512MiB", "2GiB"."""


class Quota(Strict):
    """What one namespace may use. What is not given, or null, has no limit."""

    monitors: int | None = Field(default=None, ge=0, description="Monitors that are not deleted.")
    columns: int | None = Field(
        default=None, ge=0, description="Columns of the references of all its monitors together."
    )
    rows_per_second: float | None = Field(
        default=None,
        gt=0,
        description="Predictions and labels that one collector takes, on the average of ten "
        "seconds.",
    )
    spool: Size | None = Field(
        default=None, description="Bytes that wait for Kafka on the disk of one collector."
    )
    reports: int | None = Field(
        default=None,
        ge=1,
        description="Reports that are kept of all its monitors together; the oldest go first.",
    )


class QuotasSpec(Strict):
    others: Quota = Field(
        default=Quota(),
        description="Of namespaces that are not named, and for what those leave out.",
    )
    namespaces: dict[Annotated[str, Field(pattern=NAMESPACE_PATTERN)], Quota] = Field(
        default_factory=dict, max_length=10_000
    )


class Quotas(Strict):
    """A Quotas document: the limits of all namespaces of an installation."""

    api_version: Literal["driftmeter.dev/v1"] = Field(alias="apiVersion")
    kind: Literal["Quotas"]
    spec: QuotasSpec

    @property
    def name(self) -> str:
        """Of which a file holds one."""
        return "quotas"

    def of(self, namespace: str) -> Quota:
        given = self.spec.namespaces.get(namespace, Quota())
        own = {name: getattr(given, name) for name in given.model_fields_set}
        return self.spec.others.model_copy(update=own)
