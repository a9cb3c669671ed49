"""Between the spans of OpenTelemetry and what Karya stores and sends of them."""

from collections.abc import Sequence
from datetime import datetime

from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from karya.core.times import EPOCH
from karya.core.trace import Trace, written

NOWHERE = Context()
"""No span is current: what runs in this process by chance is nobody's parent."""


def nanos(at: datetime) -> int:
    """As OpenTelemetry tells times."""
    since = at - EPOCH
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1_000


def as_trace(span: Span) -> Trace:
    """What is stored and sent of a span."""
    return of_context(span.get_span_context())


def of_context(context: SpanContext) -> Trace:
    """Likewise."""
    state = context.trace_state.to_header() or None
    return Trace(parent=written(context.trace_id, context.span_id, context.trace_flags), state=state)


def span_context(trace: Trace) -> SpanContext:
    """The span that it names, of another process."""
    state = TraceState.from_header([trace.state]) if trace.state else TraceState()
    return SpanContext(trace.trace_id, trace.span_id, True, TraceFlags(trace.flags), state)


def below(context: SpanContext) -> Context:
    """Where a child of this span starts."""
    return set_span_in_context(NonRecordingSpan(context), NOWHERE)


def links_to(trace: Trace | None) -> Sequence[Link]:
    """The links of what follows it."""
    return [Link(span_context(trace))] if trace is not None and trace.follows else ()
