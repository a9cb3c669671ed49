"""The spans of submissions and attempts (names and attributes: docs/guides/tracing.md)."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from threading import Thread

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from karya.core.action import ActionText
from karya.core.hint import Hint
from karya.core.ports.traces import AttemptTrace
from karya.core.trace import Trace, caller, trace_of_job
from karya.telemetry.attempt import AttemptSpans, Unsampled, context_of_task, parent_of
from karya.telemetry.attributes import Attributes, of_submission, of_trigger
from karya.telemetry.contexts import NOWHERE, as_trace, below, links_to, of_context, span_context
from karya.telemetry.ids import Ids

CLOSE_SECONDS = 2.0


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
        with self._ids.fixed(trace_of_job(ident)):
            span = self._asked("submit", caller.get(), of_submission(ident, jobs))
        with _lasting(span):
            yield as_trace(span)

    @contextmanager
    def trigger(self, job_id: str) -> Iterator[Trace | None]:
        """See `Traces.trigger`."""
        asked = caller.get()
        if asked is None:
            yield None
            return
        span = self._asked("trigger", asked, of_trigger(job_id))
        with _lasting(span):
            yield as_trace(span)

    def attempt(
        self, hint: Hint, action: ActionText, now: datetime, *, performed: bool = True
    ) -> AttemptTrace:
        """See `Traces.attempt`."""
        parent = parent_of(hint)
        task = context_of_task(hint, parent, self._provider.sampler)
        if not task.trace_flags.sampled:
            return Unsampled(of_context(task))
        return AttemptSpans(self._tracer, self._ids, parent, task, hint, action, now, performed)

    def _asked(self, what: str, asked: Trace | None, attributes: Attributes) -> Span:
        return self._tracer.start_span(
            what,
            context=NOWHERE if asked is None or asked.follows else below(span_context(asked)),
            kind=SpanKind.PRODUCER,
            attributes=attributes,
            links=links_to(asked),
        )

    async def close(self) -> None:
        """See `Traces.close`. The thread that still waits for the collector ends with the process."""
        loop, closed = asyncio.get_running_loop(), asyncio.Event()

        def shut() -> None:
            self._provider.shutdown()
            with suppress(RuntimeError):  # the loop has ended before
                loop.call_soon_threadsafe(closed.set)

        Thread(target=shut, name="traces close", daemon=True).start()
        with suppress(TimeoutError):
            await asyncio.wait_for(closed.wait(), CLOSE_SECONDS)


@contextmanager
def _lasting(span: Span) -> Iterator[None]:
    """It lasts as long as the context, and is in error when that ends in one."""
    try:
        yield
    except BaseException as error:
        span.set_attribute("error.type", type(error).__name__)
        span.set_status(Status(StatusCode.ERROR))
        raise
    finally:
        span.end()
