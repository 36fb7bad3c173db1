"""What Amazon SageMaker has captured at an endpoint: a file of JSON lines, each one exchange.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
"""

import binascii
import math
from base64 import b64decode
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from urllib.parse import quote

from monitor.batches import parse_time
from monitor.collector.answers import Answer, LaterError, PushError, Refused
from monitor.collector.frames import Counts
from monitor.collector.push import Push
from monitor.collector.recorder import Recorder
from monitor.collector.repeats import done
from monitor.collector.tally import DROPPED, FAILED, RECORDED
from monitor.collector.telemetry import Telemetry
from monitor.collector.tokens import ALL, Monitors
from monitor.decoders import DecodeError, Exchange
from monitor.decoders.body import json_value, whole
from monitor.decoders.exchange import ORPHANED, Headers, Reason

Json = Mapping[str, object]


class SageMakerCaptures:
    """Takes captured lines by the way of what the proxy captures. Wants a thread: it decodes."""

    def __init__(
        self,
        push: Push,
        recorder: Recorder,
        telemetry: Telemetry,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._push = push
        self._recorder = recorder
        self._telemetry = telemetry
        self._clock = clock

    def accept(
        self, model: str | None, headers: Headers, body: bytes, may_push: Monitors = ALL
    ) -> Future[Answer]:
        """Ends with 202 once what the lines hold is safe on the disk, and says which lines are
        none; or with a 503, and then none is stored.

        model: the endpoint's name, by which its monitor is found. may_push: the monitors that the
        caller may push to.
        """
        return self._push.answered(lambda: self._accept(model, headers, body, may_push))

    def _accept(
        self, model: str | None, headers: Headers, body: bytes, may_push: Monitors
    ) -> Future[Answer]:
        if model is None:
            raise PushError(400, "captured lines need ?model=ENDPOINT in the address")
        self._push.metering.take(self._watching(model, may_push), 0)
        try:
            lines = whole([body], headers).splitlines()
        except DecodeError as error:
            return done(Answer(400, {"error": str(error)}))
        exchanges: list[Exchange] = []
        verdicts: list[Mapping[str, object]] = []
        for number, line in enumerate(lines, start=1):
            try:
                if line.strip():
                    exchange = captured(line, model, now=self._clock())
                    exchanges.append(exchange._replace(may_push=may_push))
            except DecodeError as error:
                verdicts.append({"line": number, "reason": str(error)})
        self._telemetry.captured.inc(len(exchanges))
        answered: Future[Answer] = Future()
        self._recorder.record(
            exchanges,
            settled=lambda counts: answered.set_result(self._answer(counts, verdicts)),
            is_in_full=True,
        )
        return answered

    def _watching(self, model: str, may_push: Monitors) -> str:
        """The monitor of a model, of those that the caller may push to. Raises PushError."""
        registration = self._push.known.of_model(model, may_push)
        if registration is not None:
            return registration.name
        if may_push is not ALL:
            raise PushError(403, f"this token is for no monitor of a model {model!r}")
        raise PushError(404, f"there is no monitor of a model {model!r}")

    def _answer(self, counts: Counts, verdicts: list[Mapping[str, object]]) -> Answer:
        dropped = [reason for (what, reason), n in counts.items() if what == DROPPED and n]
        if dropped:
            reason = Refused.SPOOL_FULL if "full" in dropped[0] else Refused.SPOOL_FAILED
            return self._push.refusal(LaterError(reason, f"nothing was stored: {dropped[0]}"))
        failed = {str(reason): n for (what, reason), n in counts.items() if what == FAILED}
        accepted = counts[RECORDED, ""]
        return Answer(202, {"accepted": accepted, "failed": failed, "rejected": verdicts})


def captured(line: bytes, model: str, *, now: float) -> Exchange:
    """The exchange in one line; of input or output alone it is half of one. Raises DecodeError.

    now: the time where the line says none.
    """
    body = json_value(line)
    match body:
        case {"captureData": dict(data), "eventMetadata": dict(event)}:
            pass
        case _:
            raise DecodeError(Reason.WRONG_SHAPE, "no 'captureData' with 'eventMetadata'")
    id_ = event.get("inferenceId") or event.get("eventId")
    if not isinstance(id_, str):
        raise DecodeError(Reason.WRONG_SHAPE, "neither 'inferenceId' nor 'eventId'")
    asked, answered = _body(data.get("endpointInput")), _body(data.get("endpointOutput"))
    time = parse_time(event.get("inferenceTime"))
    return Exchange(
        path=f"/endpoints/{quote(model, safe='')}/invocations",
        request_id=id_,
        arrived_at=now if time is None else time,
        latency_s=math.nan,
        status=ORPHANED if asked is None or answered is None else 200,
        request_headers=[],
        response_headers=[],
        request=[asked or b""],
        response=[answered or b""],
    )


def _body(side: object) -> bytes | None:
    """What was captured of one side; None where nothing was."""
    match side:
        case None:
            return None
        case {"data": str(data), "encoding": "BASE64"}:
            return _decoded(data)
        case {"data": str(data)}:
            return data.encode()
    raise DecodeError(Reason.WRONG_SHAPE, "a side without 'data'")


def _decoded(base64: str) -> bytes:
    try:
        return b64decode(base64, validate=True)
    except (binascii.Error, ValueError) as error:
        raise DecodeError(Reason.WRONG_SHAPE, f"no base64: {error}") from error
