"""The spans of submissions and attempts (names and attributes: docs/guides/tracing.md)."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import SpanKind, Status, StatusCode

from karya.core.action import ActionText
from karya.core.hint import Hint
from karya.core.trace import Trace, caller, trace_of_job
from karya.telemetry.attempt import AttemptSpans
from karya.telemetry.attributes import of_submission
from karya.telemetry.contexts import NOWHERE, as_trace, below, links_to, span_context
from karya.telemetry.ids import Ids

_CLOSE_SECONDS = 2.0


class SpanTraces:
    """Implements `Traces`. Whether a trace is sampled is decided by its parent, or else by its id, so that
    everybody who goes on with it decides alike."""

    def __init__(self, provider: TracerProvider, ids: Ids) -> None:
        """`ids` are those of the provider."""
        self._provider = provider
        self._ids = ids
        self._tracer = provider.get_tracer("karya")

    @contextmanager
    def submission(self, ident: str, jobs: int | None = None) -> Iterator[Trace]:
        """See `Traces.submission`."""
        asked = caller.get()
        with self._ids.fixed(trace_of_job(ident)):
            span = self._tracer.start_span(
                "submit",
                context=NOWHERE if asked is None or asked.follows else below(span_context(asked)),
                kind=SpanKind.PRODUCER,
                attributes=of_submission(ident, jobs),
                links=links_to(asked),
            )
        try:
            yield as_trace(span)
        except BaseException as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(Status(StatusCode.ERROR))
            raise
        finally:
            span.end()

    def attempt(self, hint: Hint, action: ActionText, now: datetime) -> AttemptSpans:
        """See `Traces.attempt`."""
        return AttemptSpans(self._tracer, self._provider.sampler, self._ids, hint, action, now)

    async def close(self) -> None:
        """See `Traces.close`. The thread that still waits for the collector ends with the process."""
        closing = asyncio.get_running_loop().run_in_executor(None, self._provider.shutdown)
        await asyncio.wait({closing}, timeout=_CLOSE_SECONDS)
