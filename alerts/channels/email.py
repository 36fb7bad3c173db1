"""E-mail, handed to a mail server by SMTP with TLS: RFC 5321, 3207 (STARTTLS) and 4954 (AUTH).

A notification's id is the `Message-ID`: mail systems show a message that comes twice once.
"""

import socket
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from smtplib import (
    SMTP,
    SMTPException,
    SMTPNotSupportedError,
    SMTPRecipientsRefused,
    SMTPResponseException,
)
from typing import Any, Self, cast

from alerts.channels.message import Message
from alerts.channels.settings import Settings, line
from alerts.channels.template import Words, words
from alerts.connection import Deadline, Stream, dialled, secured, system_trust
from alerts.delivery import Outcome, Result
from alerts.egress import Egress
from alerts.guard import MAIL, ForbiddenTargetError, Target
from alerts.notification import Notification


@dataclass(frozen=True, slots=True, kw_only=True)
class Email:
    """Some addresses, reached through one mail server.

    url: smtps://host[:465], or smtp://host[:587]; the latter asks for STARTTLS, and insists on
        it unless `starttls` is off.
    """

    url: str
    sender: str
    recipients: tuple[str, ...]
    starttls: bool = True
    username: str | None = None
    password: str = field(default="", repr=False)
    words: Words = Message.of
    egress: Egress = field(default_factory=Egress)

    @classmethod
    def open(cls, settings: Settings, egress: Egress) -> Self:
        username = settings["username"]
        return cls(
            url=settings["url"],
            sender=settings["from"],
            recipients=tuple(settings["to"]),
            starttls=settings["starttls"],
            username=username,
            password="" if username is None else line(settings["password_file"]),
            words=words(settings),
            egress=egress,
        )

    def send(self, notification: Notification, /, *, now: float) -> Outcome:
        letter = self.letter(notification, now=now)
        try:
            target = self.egress.guard.check(self.url, MAIL)
            refused = self._hand_over(letter, target)
        except ForbiddenTargetError as error:
            return Outcome(result=Result.FAILED, detail=str(error))
        except SMTPRecipientsRefused as error:
            return _all_refused([code for code, _ in error.recipients.values()])
        except SMTPResponseException as error:
            return _of_code(error.smtp_code)
        except OSError as error:
            return Outcome(result=Result.RETRY, detail=_fault(error))
        except ValueError as error:  # what is no SMTP at all, or a password that cannot be sent
            return Outcome(result=Result.RETRY, detail=f"no mail taken: {type(error).__name__}")
        return _taken(len(self.recipients), refused)

    def letter(self, notification: Notification, *, now: float) -> EmailMessage:
        message, domain = self.words(notification), _domain(self.sender)
        letter = EmailMessage()
        letter["From"] = self.sender
        letter["To"] = ", ".join(self.recipients)
        letter["Subject"] = message.title
        letter["Date"] = format_datetime(datetime.fromtimestamp(now, UTC))
        letter["Message-ID"] = f"<{notification.id}@{domain}>"
        # One conversation for each incident.
        letter["References"] = f"<{notification.data['alert']['id']}@{domain}>"
        letter["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation replies, please
        letter.set_content(message.text(), cte="quoted-printable")
        return letter

    def _hand_over(self, letter: EmailMessage, target: Target) -> list[int]:
        """The codes of the recipients that were refused while others were taken."""
        deadline = Deadline(self.egress.timeout_s)
        with ExitStack() as stack:
            session = self._session(target, deadline, stack)
            if self.username is not None:
                session.login(self.username, self.password)
            refused = session.send_message(letter, self.sender, self.recipients)
            with suppress(OSError):  # the letter is taken, whatever is said now
                session.quit()
        return [code for code, _ in refused.values()]

    def _session(self, target: Target, deadline: Deadline, stack: ExitStack) -> SMTP:
        tls = self.egress.tls or system_trust()
        connected = stack.enter_context(dialled(target, deadline))
        if target.scheme == "smtps":
            connected = stack.enter_context(secured(connected, target.host, deadline, tls))
        session = SMTP(local_hostname=_domain(self.sender))
        _speak_over(connected, session, deadline)
        _expect(220, session.getreply())
        if target.scheme == "smtp" and self.starttls:
            _ask_for_tls(session)
            over_tls = secured(connected, target.host, deadline, tls)
            _speak_over(stack.enter_context(over_tls), session, deadline)
        return session


def _speak_over(connected: socket.socket, session: SMTP, deadline: Deadline) -> None:
    """Starts anew: what was read in clear text must not count after it (RFC 3207, section 4.2)."""
    session.sock = cast("Any", Stream(connected, deadline))
    session.file = None
    session.ehlo_resp = session.helo_resp = None
    session.esmtp_features, session.does_esmtp = {}, False


def _ask_for_tls(session: SMTP) -> None:
    session.ehlo_or_helo_if_needed()
    if not session.has_extn("starttls"):
        raise SMTPNotSupportedError("the server does not offer STARTTLS")
    _expect(220, session.docmd("STARTTLS"))


def _expect(code: int, reply: tuple[int, bytes]) -> None:
    if reply[0] != code:
        raise SMTPResponseException(*reply)


def _domain(address: str) -> str:
    return address.rpartition("@")[2]


def _of_code(code: int) -> Outcome:
    """RFC 5321, 4.2.1: 5yz is for good; 4yz, and what is no code at all, may pass."""
    result = Result.FAILED if 500 <= code < 600 else Result.RETRY
    return Outcome(result=result, detail=f"SMTP {code}")


def _fault(error: OSError) -> str:
    name = type(error).__name__
    # The text of an SMTPException may quote the answer.
    return f"no mail taken: {name}" if isinstance(error, SMTPException) else f"{name}: {error}"


def _all_refused(codes: list[int]) -> Outcome:
    """One who may be taken later is worth another attempt."""
    return min((_of_code(code) for code in codes), key=lambda one: one.result is not Result.RETRY)


def _taken(n: int, refused: list[int]) -> Outcome:
    """Some were refused: if only for now all are tried again, with the same `Message-ID`."""
    if not refused:
        return Outcome(result=Result.DELIVERED, detail="SMTP 250")
    detail = f"{len(refused)} of {n} recipients were refused"
    passing = any(_of_code(code).result is Result.RETRY for code in refused)
    return Outcome(result=Result.RETRY if passing else Result.DELIVERED, detail=detail)
