"""Namespaces: whose a monitor is stands before the first dot of its name.

So everything that names a monitor names its tenant too: rows in SQL, messages in Kafka, metrics,
notifications. A name without a dot is of the namespace `default`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

DEFAULT = "default"


def namespace_of(name: str) -> str:
    """The namespace of a monitor, or of anything else that is named as monitors are."""
    namespace, dot, _ = name.partition(".")
    return namespace if dot else DEFAULT


def qualified(name: str, namespace: str | None) -> str:
    """The name, in the whole installation, of what a namespace calls so."""
    return name if namespace in (None, DEFAULT) else f"{namespace}.{name}"


@dataclass(frozen=True, slots=True)
class Namespaces:
    """Those that somebody may see and change; all of them, where `names` is None."""

    names: frozenset[str] | None = None

    @classmethod
    def of(cls, names: Iterable[str] | None) -> Self:
        return cls(None if names is None else frozenset(names))

    def has(self, name: str) -> bool:
        """Whether a monitor of this name, of which there may be none, is of one of these."""
        return self.names is None or namespace_of(name) in self.names

    def cover(self, other: "Namespaces") -> bool:
        """Whether all of the other's are among these."""
        return self.names is None or (other.names is not None and other.names <= self.names)

    def to_json(self) -> list[str] | None:
        return None if self.names is None else sorted(self.names)

    def __str__(self) -> str:
        return "all namespaces" if self.names is None else ", ".join(sorted(self.names))


ALL = Namespaces()
