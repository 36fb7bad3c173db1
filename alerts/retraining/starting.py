"""Asking a system to retrain, and asking it later what became of that."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import orjson

from alerts.channels.settings import line, lines
from alerts.delivery import Outcome, Result
from alerts.egress import Egress
from alerts.guard import Guard
from alerts.notification import Notification
from alerts.retraining.calls import Call, Facts, Request, as_text, fill
from alerts.retraining.credentials import RefusedError
from alerts.retraining.lifecycle import RetrainState
from alerts.retraining.system import Repeat, System
from alerts.retraining.systems import SYSTEMS

MAX_ANSWER_BYTES = 4 * 1024 * 1024
"""Lists of runs are longer than what a webhook answers."""

Settings = Mapping[str, Any]

PARAMETERS: Mapping[str, str] = {"event": "{event}"}
"""What a pipeline is given unless the settings say otherwise: all that is known."""


class _NotAnsweredError(Exception):
    """A call that a start needs did not succeed; what became of it is in `outcome`."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.detail)
        self.outcome = outcome


def open(target: Settings, guard: Guard) -> "Pipeline":  # noqa: A001  as of files: it reads secrets
    """The pipeline of a target: its `kind`, its `timeout_s` and the settings of that kind.

    Secrets are read from their files now, so that one put there takes effect with the next
    attempt. Raises SecretFileError.
    """
    return Pipeline.open(target, Egress(guard=guard, timeout_s=target["timeout_s"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """A system, the settings by which it is reached, and the way there; it is a Channel."""

    system: System
    settings: Settings = field(repr=False)
    egress: Egress = field(default_factory=Egress)

    @classmethod
    def open(cls, settings: Settings, egress: Egress) -> Self:
        secrets = {
            name.removesuffix("_file"): _secret(name, path)
            for name, path in settings.items()
            if name.endswith("_file") and path
        }
        system = SYSTEMS[settings["kind"]]
        return cls(system=system, settings={**settings, **secrets}, egress=egress)

    def send(self, notification: Notification, /, *, now: float) -> Outcome:
        """Asks for a run, unless one that was asked for by this request is there already."""
        facts = known(notification, self.settings, now=now)
        try:
            if self.system.repeat is Repeat.LOOK and self._look(facts, now) is not None:
                return Outcome(result=Result.DELIVERED, detail="it was started before")
            outcome, answer = self._call(self.system.start, self.settings["url"], facts, now)
        except _NotAnsweredError as error:
            return error.outcome
        if outcome.status == 409 and self.system.repeat is Repeat.CONFLICT:
            return Outcome(result=Result.DELIVERED, detail="it was started before", status=409)
        return self._checked(outcome, answer)

    def look(self, notification: Notification, /, *, now: float) -> RetrainState | None:
        """What the system says of our run; None if it does not know of one, or does not answer."""
        try:
            word = self._look(known(notification, self.settings, now=now), now)
        except _NotAnsweredError:
            return None
        return (self.system.words or {}).get(word) if word is not None else None

    @property
    def can_be_asked(self) -> bool:
        """Whether it can say what became of a run."""
        needs = self.system.needs
        return self.system.find is not None and (needs is None or bool(self.settings.get(needs)))

    def request(self, notification: Notification, *, now: float) -> Request:
        """The request that starts a run, without credentials: for people to look at."""
        facts = known(notification, self.settings, now=now)
        return self.system.start.request(self.settings["url"], facts)

    def _look(self, facts: Facts, now: float) -> str | None:
        """The system's word for the state of our run; None if it knows of none."""
        find, read = self.system.find, self.system.read
        if find is None or read is None or not self.can_be_asked:
            return None
        url = self.settings.get("status_url") or self.settings["url"]
        outcome, answer = self._call(find, url, facts, now)
        if outcome.status == 404:
            return None
        if outcome.result is not Result.DELIVERED:
            raise _NotAnsweredError(outcome)
        word = read(_json(answer), facts)
        return None if word is None else str(word)

    def _call(self, call: Call, url: str, facts: Facts, now: float) -> tuple[Outcome, bytes]:
        request = call.request(url, facts)

        def exchange(asked: Request) -> bytes:
            outcome, answer = self._exchange(asked, now)
            if outcome.result is not Result.DELIVERED:
                raise _NotAnsweredError(outcome)
            return answer

        try:
            shown = self.system.credential(request, self.settings, exchange, now)
        except RefusedError as error:
            raise _NotAnsweredError(Outcome(result=Result.RETRY, detail=str(error))) from None
        return self._exchange(shown, now)

    def _exchange(self, request: Request, now: float) -> tuple[Outcome, bytes]:
        return self.egress.exchange(
            request.method,
            request.url,
            request.body,
            request.headers,
            now=now,
            most_bytes=MAX_ANSWER_BYTES,
        )

    def _checked(self, outcome: Outcome, answer: bytes) -> Outcome:
        """An answer of GraphQL may say 200 and be none."""
        if outcome.result is not Result.DELIVERED or self.system.fault is None:
            return outcome
        fault = self.system.fault(_json(answer))
        return outcome if fault is None else Outcome(result=Result.FAILED, detail=fault)


def known(notification: Notification, settings: Settings, *, now: float) -> Facts:
    """What templates may name: the settings, what is asked, and the parameters made of both."""
    facts = {**settings, **of_request(notification), "now_ms": int(now * 1000)}
    given = settings.get("parameters")
    parameters = fill(PARAMETERS if given is None else given, facts)
    texts = {name: as_text(value) for name, value in parameters.items()}
    return {
        **facts,
        "run_config": fill(settings.get("run_config") or {}, facts),
        "parameters": parameters,
        "parameter_texts": texts,
        "parameter_pairs": [f"{name}={value}" for name, value in texts.items()],
        "parameter_names": [{"Name": name, "Value": value} for name, value in texts.items()],
    }


def of_request(notification: Notification) -> Facts:
    """What a document's own templates may name."""
    event = notification.to_json()
    data = notification.data
    about, training = data["retrain"], data["retrain"]["training"] or {}
    return {
        "id": notification.id,
        "name": notification.id.replace("_", "-"),
        "monitor": notification.monitor,
        "cause": about["cause"],
        "why": f"{about['cause']} of {notification.monitor}, {data['window']['end']}",
        "reference_id": data["reference_id"],
        "window_start": data["window"]["start"],
        "window_end": data["window"]["end"],
        "training_from": training.get("from"),
        "training_to": training.get("to"),
        "export": training.get("export"),
        "callback": about["callback"],
        "event": event,
        "event_text": orjson.dumps(event).decode(),
    }


def _secret(name: str, path: str) -> str:
    return lines(path) if name == "credentials_file" else line(path)


def _json(answer: bytes) -> Any:
    """None for what is no JSON, or is longer than is read."""
    try:
        return orjson.loads(answer)
    except orjson.JSONDecodeError:
        return None
