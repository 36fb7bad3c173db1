"""Matchers over labels, as Alertmanager writes them: team="seats", severity=~"warning|critical"."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Self, cast, get_args

MAX_LENGTH = 500
"""Characters of one matcher."""

Operator = Literal["=", "!=", "=~", "!~"]

_FORM = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_./-]*)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*"|[^"]*?)\s*')
_ESCAPE = re.compile(r"\\(.)")


class MatcherError(ValueError):
    """A matcher that cannot be read; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on one label; a label that is absent is empty."""

    name: str
    operator: Operator
    value: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises MatcherError."""
        if len(text) > MAX_LENGTH:
            raise MatcherError(f"a matcher has at most {MAX_LENGTH} characters")
        match = _FORM.fullmatch(text)
        if match is None:
            raise MatcherError(
                f"{text!r} is no matcher: write a label, one of {', '.join(get_args(Operator))} "
                'and a value, such as severity=critical or team=~"a|b"'
            )
        name, operator, value = match.groups()
        if value.startswith('"'):
            value = _ESCAPE.sub(r"\1", value[1:-1])
        if operator in ("=~", "!~"):
            _check_pattern(value)
        return cls(name, cast("Operator", operator), value)

    def __str__(self) -> str:
        quoted = self.value.replace("\\", "\\\\").replace('"', '\\"')
        return f'{self.name}{self.operator}"{quoted}"'

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Patterns are of the whole value."""
        value = labels.get(self.name, "")
        if self.operator in ("=", "!="):
            return (value == self.value) is (self.operator == "=")
        return (re.fullmatch(self.value, value) is not None) is (self.operator == "=~")


def all_match(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    return all(matcher.matches(labels) for matcher in matchers)


def _check_pattern(pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise MatcherError(f"{pattern!r} is no regular expression: {error}") from None
