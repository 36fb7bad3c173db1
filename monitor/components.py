"""What pages are made of: templates, words, pictures and one style.

The pages of the service and the page of a check are made of the same: `parts.html` draws a chip, a
chart or a column's card wherever there is one.
"""

from pathlib import Path
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from monitor import pictures
from monitor.server import wording

STATIC = Path(__file__).parent / "static"

_WORDS = (
    wording.age,
    wording.comparison,
    wording.count,
    wording.figure,
    wording.latency,
    wording.length_of,
    wording.metric,
    wording.movement,
    wording.p_value,
    wording.percent,
    wording.span,
    wording.statistic,
    wording.title_of,
    wording.version,
    wording.when,
    wording.why,
)


def environment() -> jinja2.Environment:
    """Templates, with the words and pictures that all of them may use."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("monitor"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    for word in _WORDS:
        made.filters[word.__name__] = word
    made.filters["in_path"] = _in_path
    made.globals["picture_style"] = safe(pictures.STYLE)
    return made


def stylesheet() -> Markup:
    """The style of all pages, for one that cannot ask for it."""
    return safe((STATIC / "driftmeter.css").read_text("utf-8"))


def safe(ours: str) -> Markup:
    """Markup that we have written ourselves."""
    return Markup(ours)  # noqa: S704 - monitor.pictures escapes what it is given


def _in_path(text: str) -> str:
    """A name as a part of an address, whatever it holds."""
    return quote(text, safe="")
