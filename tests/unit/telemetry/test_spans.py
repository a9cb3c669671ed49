"""The spans of one task through several workers, as an exporter gets them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, DEFAULT_OFF, ParentBased, Sampler, TraceIdRatioBased
from opentelemetry.trace import SpanKind, StatusCode

from karya.core.action import RestAction
from karya.core.hint import Hint
from karya.core.outcome import Failure, Outcome, Stopped, Success
from karya.core.retry import RetryPolicy
from karya.core.trace import Trace, caller, span_of_task, trace_of_job, trace_of_occurrence
from karya.core.transitions import Attempt, decide, release
from karya.telemetry.contexts import nanos
from karya.telemetry.ids import Ids
from karya.telemetry.spans import SpanTraces
from tests.support.story import NOW, at

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
UNSAMPLED = f"{PARENT[:-2]}00"
NOOP = '{"type":"noop"}'
REFUSED = Failure("status 503: the secret is hunter22", code="http.503", result={"status": 503})


class Worker:
    """What one process tells."""

    def __init__(self, sampler: Sampler | None = None) -> None:
        self._exporter = InMemorySpanExporter()
        ids = Ids()
        provider = TracerProvider(sampler=sampler or ParentBased(ALWAYS_ON), id_generator=ids)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.traces = SpanTraces(provider, ids)

    def attempts(self, hint: Hint, outcome: Outcome, action: str = NOOP) -> Trace:
        """One attempt of half a second; what the target was told."""
        attempt = self.traces.attempt(hint, action, at(1))
        done = decide(Attempt(hint.task_id, hint.attempt, hint.retry, at(1)), outcome, None, at(1.5))
        attempt.end(outcome, done, at(1.5))
        return attempt.handed_on

    @property
    def told(self) -> list[ReadableSpan]:
        return list(self._exporter.get_finished_spans())

    def one(self, name: str) -> ReadableSpan:
        (span,) = [span for span in self.told if span.name == name]
        return span


@pytest.fixture(autouse=True)
def nobody_asks() -> Iterator[None]:
    token = caller.set(None)
    yield
    caller.reset(token)


def hint(trace: Trace | None = None, attempts: int = 0) -> Hint:
    patient = RetryPolicy(max_attempts=2)
    return Hint("task", "job", 0, attempts, NOW, at(0.5), retry=patient, trace=trace)


def parent_of(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent else None


def test_attempts_of_several_workers_lie_below_one_span_of_their_task() -> None:
    with (server := Worker()).traces.submission("job") as trace:
        pass
    first, second = Worker(), Worker()
    first.attempts(hint(trace), REFUSED)
    second.attempts(hint(trace, attempts=1), Success())
    spans = [*server.told, *first.told, *second.told]
    assert {span.context.trace_id for span in spans} == {trace_of_job("job")}
    assert [span.name for span in spans] == [
        "submit",
        *("wait default", "process default"),
        *("wait default", "process default", "task default"),
    ]
    submit, task = server.one("submit"), second.one("task default")
    assert parent_of(submit) is None and parent_of(task) == submit.context.span_id
    assert task.context.span_id == span_of_task("task")
    below = [span for span in spans if span not in (submit, task)]
    assert {parent_of(span) for span in below} == {task.context.span_id}


def test_times_are_those_of_the_task() -> None:
    (worker := Worker()).attempts(hint(), Success())
    wait, process, task = worker.told
    assert (wait.start_time, wait.end_time) == (nanos(at(0.5)), nanos(at(1)))
    assert (process.start_time, process.end_time) == (nanos(at(1)), nanos(at(1.5)))
    assert (task.start_time, task.end_time) == (nanos(NOW), nanos(at(1.5)))
    assert nanos(NOW) == int(NOW.timestamp()) * 1_000_000_000


def test_a_failed_attempt_is_an_error_that_quotes_nobody() -> None:
    (worker := Worker()).attempts(hint(), REFUSED)
    process = worker.one("process default")
    assert process.kind is SpanKind.CONSUMER and process.status.status_code is StatusCode.ERROR
    assert process.attributes is not None
    assert process.attributes["error.type"] == "http_5xx"
    assert process.attributes["karya.outcome"] == "retried"
    assert process.attributes["karya.attempt"] == 1
    assert not [span for span in worker.told if span.name == "task default"]
    assert "hunter22" not in "".join(span.to_json() for span in worker.told)


def test_a_task_that_is_dead_is_an_error_and_a_cancelled_one_is_none() -> None:
    (dead := Worker()).attempts(hint(attempts=1), REFUSED)
    (cancelled := Worker()).attempts(hint(), Stopped())
    assert dead.one("task default").status.status_code is StatusCode.ERROR
    assert cancelled.one("task default").status.status_code is StatusCode.UNSET


def test_a_lost_lease_is_an_error_and_a_handed_back_task_goes_on() -> None:
    for transition, outcome, error in ((None, Success(), "lease_lost"), (release("stopping"), None, None)):
        worker = Worker()
        worker.traces.attempt(hint(), NOOP, at(1)).end(outcome, transition, at(2))
        attributes = worker.one("process default").attributes
        assert attributes is not None and attributes.get("error.type") == error
        assert len(worker.told) == 2


def test_a_rest_action_has_a_client_span_of_which_the_target_is_told() -> None:
    action = RestAction(method="POST", url="https://target.example:8443/s3cret?token=s3cret")
    told = (worker := Worker()).attempts(hint(), REFUSED, action.model_dump_json())
    request = worker.one("POST")
    assert request.kind is SpanKind.CLIENT
    assert parent_of(request) == worker.one("process default").context.span_id
    assert told.span_id == request.context.span_id and told.flags == 1
    assert dict(request.attributes or {}) == {
        "http.request.method": "POST",
        "server.address": "target.example",
        "server.port": 8443,
        "url.scheme": "https",
        "http.response.status_code": 503,
        "error.type": "http_5xx",
    }


@pytest.mark.parametrize(
    "action", ['{"type":"rest"}', '{"type":"rest","url":"http://[::1"}', '{"type":"rest",']
)
def test_an_action_that_cannot_be_sent_costs_only_its_client_span(action: str) -> None:
    (worker := Worker()).attempts(hint(), REFUSED, action)
    assert [span.name for span in worker.told] == ["wait default", "process default"]


def test_a_submission_joins_the_trace_of_who_asks() -> None:
    caller.set(Trace(parent=PARENT, state="vendor=a"))
    with (server := Worker()).traces.submission("job") as trace:
        pass
    submit = server.one("submit")
    assert submit.kind is SpanKind.PRODUCER and parent_of(submit) == int(PARENT[36:52], 16)
    assert trace.parent[:35] == PARENT[:35] and trace.span_id == submit.context.span_id
    assert trace.state == "vendor=a"
    told = (worker := Worker()).attempts(hint(trace), Success())
    assert told.state == "vendor=a"
    assert parent_of(worker.one("task default")) == submit.context.span_id


def test_a_trigger_joins_the_trace_of_who_asks_and_without_one_that_of_its_job() -> None:
    server = Worker()
    with server.traces.trigger("job") as trace:
        assert trace is None
    assert server.told == []
    caller.set(Trace(parent=PARENT, state="vendor=a"))
    with server.traces.trigger("job") as trace:
        assert trace is not None
    trigger = server.one("trigger")
    assert trigger.kind is SpanKind.PRODUCER and parent_of(trigger) == int(PARENT[36:52], 16)
    assert (trace.parent[:35], trace.state) == (PARENT[:35], "vendor=a")
    (worker := Worker()).attempts(hint(trace), Success())
    assert parent_of(worker.one("task default")) == trigger.context.span_id


def test_a_submission_that_is_refused_is_an_error() -> None:
    server = Worker()
    with pytest.raises(ValueError, match="no"), server.traces.submission("job"):
        raise ValueError("no hunter22")
    assert server.one("submit").status.status_code is StatusCode.ERROR
    assert "hunter22" not in server.one("submit").to_json()


def test_each_occurrence_of_a_recurring_job_has_its_own_trace_with_a_link() -> None:
    follows, worker = Trace(parent=PARENT, follows=True), Worker()
    worker.attempts(hint(follows), Success())
    worker.attempts(replace(hint(follows), task_id="next", instant=at(1)), Success())
    traces = [span.context.trace_id for span in worker.told]
    assert traces == [trace_of_occurrence("job", instant) for instant in (NOW, at(1)) for _ in range(3)]
    tasks = [span for span in worker.told if span.name == "task default"]
    assert [parent_of(task) for task in tasks] == [None, None]
    links = [link.context for task in tasks for link in task.links]
    assert [(link.trace_id, link.span_id) for link in links] == [
        (int(PARENT[3:35], 16), int(PARENT[36:52], 16))
    ] * 2


def test_whoever_does_not_sample_is_followed_and_passed_on() -> None:
    worker = Worker()
    told = worker.attempts(hint(Trace(parent=UNSAMPLED)), Success())
    assert worker.told == [] and told.parent[:35] == UNSAMPLED[:35] and told.flags == 0
    assert told.span_id == span_of_task("task")
    caller.set(Trace(parent=UNSAMPLED))
    with worker.traces.submission("job") as trace:
        pass
    assert worker.told == [] and trace.parent[:35] == UNSAMPLED[:35] and trace.flags == 0


def test_workers_decide_alike_by_the_trace() -> None:
    first, second = (Worker(ParentBased(TraceIdRatioBased(0.5))) for _ in range(2))
    for number in range(50):
        one = replace(hint(), task_id=f"{number}", instant=NOW + timedelta(seconds=number))
        first.attempts(one, REFUSED)
        second.attempts(replace(one, attempts=1), Success())
    traces = [{span.context.trace_id for span in worker.told} for worker in (first, second)]
    assert traces[0] == traces[1] and 10 < len(traces[0]) < 40


def test_a_sampler_that_wants_nothing_gets_nothing() -> None:
    (worker := Worker(DEFAULT_OFF)).attempts(hint(), Success())
    assert worker.told == []
