"""The spans of one attempt: how long the task waited, the attempt, its HTTP request, and with the last one
the task as a whole."""

from datetime import datetime

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, Sampler
from opentelemetry.trace import Span, SpanContext, SpanKind, TraceFlags, Tracer

from karya.core.action import ActionText
from karya.core.hint import Hint
from karya.core.outcome import Outcome
from karya.core.reasons import ENDS
from karya.core.task import OPEN_STATES
from karya.core.trace import Trace, span_of_task, trace_of_occurrence
from karya.core.transitions import Move, Transition
from karya.telemetry.attributes import (
    Attributes,
    failure_of,
    finish,
    of_attempt,
    of_request,
    of_task,
    status_of,
)
from karya.telemetry.contexts import NOWHERE, as_trace, below, links_to, nanos, span_context
from karya.telemetry.ids import Ids


class AttemptSpans:
    """Implements `AttemptTrace`.

    All attempts at a task lie below one span, whose id follows from the task's. Whoever makes the last one
    sends it; until then it is a parent that the back end does not know yet.
    """

    def __init__(
        self,
        tracer: Tracer,
        ids: Ids,
        parent: Context,
        task: SpanContext,
        hint: Hint,
        action: ActionText,
        now: datetime,
        performed: bool,
    ) -> None:
        """`task` is the context of the span of the task, `parent` where that lies."""
        self._tracer = tracer
        self._ids = ids
        self._parent = parent
        self._task = task
        self._hint = hint
        self._common = of_task(hint, action)
        started = nanos(now)
        self._start("wait", SpanKind.INTERNAL, min(nanos(hint.due_at), started)).end(started)
        self._span = self._start("process", SpanKind.CONSUMER, started, of_attempt(hint))
        self._request = self._request_of(action, started) if performed else None
        self.own = as_trace(self._span)
        self.handed_on = as_trace(self._request) if self._request else self.own

    def end(self, outcome: Outcome | None, transition: Transition | None, now: datetime) -> None:
        """See `AttemptTrace.end`."""
        at, failure = nanos(now), failure_of(outcome, transition)
        if self._request is not None:
            if (status := status_of(outcome)) is not None:
                self._request.set_attribute("http.response.status_code", status)
            finish(self._request, at, failure)
        if transition is not None:
            self._span.set_attribute("karya.outcome", ENDS[transition.move])
        finish(self._span, at, failure)
        if transition is not None and transition.target not in OPEN_STATES:
            self._end_task(at, failure if transition.move is Move.BURY else None)

    def _start(self, name: str, kind: SpanKind, at: int, besides: Attributes | None = None) -> Span:
        attributes = {**self._common, **besides} if besides else self._common
        return self._tracer.start_span(
            self._name(name), context=below(self._task), kind=kind, attributes=attributes, start_time=at
        )

    def _request_of(self, action: ActionText, at: int) -> Span | None:
        attributes = of_request(action)
        if attributes is None:
            return None
        return self._tracer.start_span(
            str(attributes["http.request.method"]),
            context=below(self._span.get_span_context()),
            kind=SpanKind.CLIENT,
            attributes=attributes,
            start_time=at,
        )

    def _end_task(self, at: int, failure: str | None) -> None:
        with self._ids.fixed(self._task.trace_id, self._task.span_id):
            span = self._tracer.start_span(
                self._name("task"),
                context=self._parent,
                attributes=self._common,
                links=links_to(self._hint.trace),
                start_time=min(nanos(self._hint.instant), at),
            )
        finish(span, at, failure)

    def _name(self, what: str) -> str:
        return f"{what} {self._hint.pool}"


class Unsampled:
    """Implements `AttemptTrace` where nobody wants to see it: its trace is only handed on."""

    def __init__(self, own: Trace) -> None:
        self.own = self.handed_on = own

    def end(self, outcome: Outcome | None, transition: Transition | None, now: datetime) -> None:
        """See `AttemptTrace.end`."""


def parent_of(hint: Hint) -> Context:
    """Where the span of the task lies."""
    if hint.trace is None or hint.trace.follows:
        return NOWHERE
    return below(span_context(hint.trace))


def context_of_task(hint: Hint, parent: Context, sampler: Sampler) -> SpanContext:
    """That of the span of the task, which is yet to come: whether it is sampled is decided now."""
    if hint.trace is None or hint.trace.follows:
        trace_id = trace_of_occurrence(hint.job_id, hint.instant)
    else:
        trace_id = hint.trace.trace_id
    decided = sampler.should_sample(parent, trace_id, f"task {hint.pool}")
    is_sampled = decided.decision is Decision.RECORD_AND_SAMPLE
    flags = TraceFlags.SAMPLED if is_sampled else TraceFlags.DEFAULT
    return SpanContext(trace_id, span_of_task(hint.task_id), True, TraceFlags(flags), decided.trace_state)
