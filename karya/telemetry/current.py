"""The span of the program that is running, for what asks in its name."""

from opentelemetry.trace import get_current_span

from karya.core.trace import Trace
from karya.telemetry.contexts import of_context


def current() -> Trace | None:
    """The span that OpenTelemetry has as current; None where there is none."""
    context = get_current_span().get_span_context()
    return of_context(context) if context.is_valid else None
