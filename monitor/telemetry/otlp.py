"""The OpenTelemetry SDK's half of tracing; imported only where traces are on."""

import importlib.metadata

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor


def export(role: str, endpoint: str) -> None:
    """Sends the spans of this process to `endpoint`, in batches, from a thread of the SDK's.

    OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES have the last word on the resource.
    """
    ours = {
        "service.name": f"driftmeter-{role}",
        "service.version": importlib.metadata.version("driftmeter"),
    }
    resource = Resource.create(ours).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    trace.set_tracer_provider(provider)
