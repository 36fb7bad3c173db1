"""Words of one's own: every field, every way to get it wrong, and nothing that is executed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.channels.message import Message
from alerts.channels.template import (
    FIELDS,
    MAX_TEXT,
    MAX_TITLE,
    Template,
    TemplateError,
    check,
    filled,
)
from alerts.notification import Notification
from tests.alerts.channels import told


def test_fields_are_replaced_by_what_they_name() -> None:
    template = Template(title="[{owner}] {monitor}: {cause} in {columns}", text="{state}\n{lines}")
    message = template(told.FIRING)
    assert message.title == "[transport] free-seats: drift in boarded, delay"
    assert message.lines == ("firing", *Message.of(told.FIRING).lines)
    assert message.link == Message.of(told.FIRING).link


def test_what_is_not_given_or_comes_out_empty_stays_as_it_is() -> None:
    usual = Message.of(told.BARE)
    assert Template()(told.BARE) == usual
    assert Template(title="{owner}", text=" {resolved_at}\n")(told.BARE) == usual


def test_two_braces_are_one() -> None:
    assert filled("{{monitor}} {monitor}}}", {"monitor": "a"}) == "{monitor} a}"


@pytest.mark.parametrize(
    "template",
    [
        *("{", "}", "{monitor", "monitor}", "{}", "{0}", "{nonsense}", "{Monitor}", "{ monitor }"),
        *(
            "{monitor.name}",
            "{monitor[0]}",
            "{monitor!r}",
            "{monitor:>9}",
            "{{{",
            "{monitor{cause}}",
        ),
    ],
)
def test_what_is_no_field_is_refused_before_it_is_needed(template: str) -> None:
    with pytest.raises(TemplateError):
        check(template)


def test_the_fault_names_the_fields_that_there_are() -> None:
    with pytest.raises(
        TemplateError, match=r"no field 'colums', only title, lines, link, .*replay"
    ):
        check("{colums}")


def test_what_is_put_in_is_not_read_again() -> None:
    assert filled("{monitor}", {"monitor": "{cause}", "cause": "no"}) == "{cause}"


@given(st.text())
def test_a_template_is_refused_or_fills(template: str) -> None:
    try:
        check(template)
    except TemplateError:
        return
    filled(template, dict.fromkeys(FIELDS, "value"))


@pytest.mark.parametrize("notification", told.ALL.values(), ids=told.ALL)
def test_every_field_has_words_for_every_notification(notification: Notification) -> None:
    text = "\n".join(f"{name}: {{{name}}}" for name in FIELDS)
    message = Template(title="{lines}" * 50, text=text * 3)(notification)
    assert len(message.title) <= MAX_TITLE
    assert len("\n".join(message.lines)) <= MAX_TEXT
    assert all(part.isprintable() for part in (message.title, *message.lines))
