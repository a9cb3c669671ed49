"""Where spans go: to a collector by OTLP over HTTP, in batches, from a thread of their own."""

import os
from importlib.metadata import version

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.environment_variables import OTEL_SDK_DISABLED, OTEL_SERVICE_NAME
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from karya.core.settings import TracesSettings
from karya.telemetry.ids import Ids
from karya.telemetry.spans import SpanTraces


def open_traces(settings: TracesSettings, actor: str) -> SpanTraces | None:
    """The traces of the process of this actor. What the settings leave open, the variables OTEL_* of its
    environment say: headers, sampler, batches, further attributes. None when OTEL_SDK_DISABLED says so."""
    if os.environ.get(OTEL_SDK_DISABLED, "").strip().lower() == "true":
        return None
    ids = Ids()
    provider = TracerProvider(id_generator=ids, resource=_resource(actor), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=settings.endpoint)))
    return SpanTraces(provider, ids)


def _resource(actor: str) -> Resource:
    named = {} if os.environ.get(OTEL_SERVICE_NAME) else {"service.name": "karya"}
    return Resource.create({**named, "service.version": version("karya"), "service.instance.id": actor})
