"""OpenTelemetry traces that follow a prediction from its request to the webhook.

Off unless an OTLP endpoint is set; then every call here is the API's no-op. Spans of batches
carry links to what they are made of, as the messaging conventions of OpenTelemetry ask.
"""

import logging
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from monitor.kafka.messages import Header, KafkaHeaders

MAX_LINKS = 128
"""What the SDK keeps of a span's links by default."""

_PROPAGATOR = TraceContextTextMapPropagator()
_ODD = frozenset("13579bdf")
"""Hexadecimal digits whose last bit, the flag of what is sampled, is set."""
_logger = logging.getLogger(__name__)

Attributes = Mapping[str, str | int | float | bool]


def configure(role: str, environment: Mapping[str, str] = os.environ) -> None:
    """Sends this process's spans by OTLP over HTTP, if the environment names an endpoint.

    Reads OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT from `environment`;
    all other OTEL_ variables are read by the SDK itself. Call once, before the first span.
    """
    endpoint = _endpoint(environment)
    if endpoint is None:
        return
    try:
        from monitor.telemetry import otlp  # noqa: PLC0415  not in a collector's install
    except ModuleNotFoundError as error:
        _logger.warning(
            "traces are off: an OTLP endpoint is set, but %s is not installed "
            "(pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http)",
            error.name,
        )
        return
    otlp.export(role, endpoint)


def shutdown(timeout_s: float = 5.0) -> None:
    """Sends what is still buffered, or gives it up when `timeout_s` have passed.

    The process makes no span afterwards.
    """
    provider = trace.get_tracer_provider()
    if hasattr(provider, "shutdown"):
        # The SDK would wait 30 seconds for a receiver that is away: longer than we are given.
        flush = threading.Thread(target=provider.shutdown, name="trace-flush", daemon=True)
        flush.start()
        flush.join(timeout_s)


def enabled() -> bool:
    """Whether spans go anywhere: what is costly to prepare for them can be left out if not."""
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


@cache
def tracer() -> Tracer:
    return trace.get_tracer("driftmeter")


def traceparent() -> str | None:
    """The current span as a W3C traceparent; None outside of any."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier.get(Header.TRACEPARENT)


def kafka_headers() -> KafkaHeaders:
    """The header that carries the current span in a Kafka message; none outside of any."""
    current = traceparent()
    return [] if current is None else [(Header.TRACEPARENT.value, current.encode())]


def links(origins: Iterable[str | None]) -> list[Link]:
    """Links to the sampled spans that the traceparents name: each once, at most `MAX_LINKS`.

    A span that is not sampled is kept nowhere: a link to it would lead nowhere. What is absent or
    malformed is passed over, as the W3C recommendation asks.
    """
    found: dict[int, Link] = {}
    for origin in filter(_is_sampled, origins):
        span = trace.get_current_span(context(origin)).get_span_context()
        if span.is_valid:
            found.setdefault(span.span_id, Link(span))
        if len(found) == MAX_LINKS:
            break
    return list(found.values())


def _is_sampled(origin: str | None) -> bool:
    """Whether a traceparent of the only version so far says so, at a glance: most do not.

    https://www.w3.org/TR/trace-context/#traceparent-header-field-values
    """
    return origin is not None and origin[54:55] in _ODD


def context(origin: str | None) -> Context:
    """The context that a traceparent names; an empty one if it is absent or malformed."""
    carrier = {} if origin is None else {Header.TRACEPARENT.value: origin}
    return _PROPAGATOR.extract(carrier, Context())


def exemplar(origin: str | None = None) -> dict[str, str] | None:
    """What leads from an observation in a histogram to the trace in which it was made.

    Of the span that a traceparent names, else of the current one. None if that is not sampled, and
    while tracing is off.
    """
    if not enabled() or (origin is not None and not _is_sampled(origin)):
        return None
    within = None if origin is None else context(origin)
    found = trace.get_current_span(within).get_span_context()
    if not (found.is_valid and found.trace_flags.sampled):
        return None
    return {"trace_id": f"{found.trace_id:032x}", "span_id": f"{found.span_id:016x}"}


@contextmanager
def span(
    name: str,
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    parent: str | None = None,
    origins: Iterable[str | None] = (),
    attributes: Attributes | None = None,
) -> Iterator[Span]:
    """A span around a step of work. An exception that leaves it is recorded and goes on.

    parent: a traceparent to continue; by default the current span.
    origins: traceparents that the step works on, kept as links.
    """
    if parent is None and not enabled():  # a no-op span would take longer than many a step
        yield trace.INVALID_SPAN
        return
    with tracer().start_as_current_span(
        name,
        context=None if parent is None else context(parent),
        kind=kind,
        attributes=attributes,
        links=links(origins) if enabled() else (),
    ) as opened:
        try:
            yield opened
        except Exception as error:
            opened.set_attribute("error.type", type(error).__qualname__)
            raise


@contextmanager
def sending(
    topic: str, *, n: int = 1, parent: str | None = None, origins: Iterable[str | None] = ()
) -> Iterator[Span]:
    """A span around handing `n` messages for a topic to Kafka: `send TOPIC`."""
    attributes = _messaging("send", topic, n)
    kind = SpanKind.PRODUCER
    with span(
        f"send {topic}", kind=kind, parent=parent, origins=origins, attributes=attributes
    ) as opened:
        yield opened


@contextmanager
def processing(
    topic: str, *, n: int = 1, origins: Iterable[str | None] = (), group: str | None = None
) -> Iterator[Span]:
    """A span around the work on `n` messages of a topic, linked to their senders: `process TOPIC`.

    group: the consumer group that reads them.
    """
    attributes = _messaging("process", topic, n)
    if group is not None:
        attributes["messaging.consumer.group.name"] = group
    kind = SpanKind.CONSUMER
    with span(f"process {topic}", kind=kind, origins=origins, attributes=attributes) as opened:
        yield opened


def _messaging(operation: str, topic: str, n: int) -> dict[str, str | int]:
    """https://opentelemetry.io/docs/specs/semconv/messaging/kafka/"""
    attributes: dict[str, str | int] = {
        "messaging.system": "kafka",
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.destination.name": topic,
    }
    if n != 1:
        attributes["messaging.batch.message_count"] = n
    return attributes


def _endpoint(environment: Mapping[str, str]) -> str | None:
    if (
        environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
        or environment.get("OTEL_TRACES_EXPORTER") == "none"
    ):
        return None
    if own := environment.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        return own
    shared = environment.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    return f"{shared.rstrip('/')}/v1/traces" if shared else None
