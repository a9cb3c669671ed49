"""Traces of a running cluster, as a collector gets them and a target is told of them."""

from collections.abc import Sequence
from typing import Any

import pytest
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, use_span

from karya.core.job import JobState
from tests.support.collector import Collector, Span
from tests.support.running import Running
from tests.support.target import Target, respond

pytestmark = pytest.mark.cluster

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def post(url: str) -> dict[str, Any]:
    return {"type": "rest", "method": "POST", "url": url}


def the(spans: Sequence[Span], **wanted: Any) -> Span:
    (span,) = [one for one in spans if all(getattr(one, field) == value for field, value in wanted.items())]
    return span


def test_one_trace_from_the_client_through_retry_and_hook_to_the_chained_job(
    karya: Running, collector: Collector, target: Target
) -> None:
    url, hooked = target.at("/traced", respond(503), respond(200)), target.at("/traced-hook")
    hook = {"trigger": "ON_SUCCESS", "action": {"type": "chain", "job": {"action": post(hooked)}}}
    retry = {"max_attempts": 2, "delay": "PT0.05S", "jitter": 0}
    spec = {"action": post(url), "hooks": [hook], "retry": retry}
    sent = {"traceparent": f"00-{TRACE}-{CALLER}-01", "tracestate": "vendor=a"}
    status, job = karya.http("POST", "/v1/jobs", spec, **sent)
    assert status == 201, job

    assert karya.ended(job["id"], 30).job.status is JobState.COMPLETED
    target_told = [call.headers["traceparent"] for call in target.calls_to("/traced")]
    spans = collector.until(lambda all_: len([s for s in all_ if s.trace == TRACE]) >= 15)
    mine = [span for span in spans if span.trace == TRACE]

    submit = the(mine, name="submit")
    assert submit.parent == CALLER and submit.attributes["karya.job.id"] == job["id"]
    assert submit.resource["service.name"] == "karya"
    assert submit.resource["service.instance.id"] == "server"
    task = the(mine, name="task default", parent=submit.id)
    first, second = sorted(
        (one for one in mine if one.name == "process default" and one.parent == task.id),
        key=lambda one: one.attributes["karya.attempt"],
    )
    assert (first.is_error, first.attributes["error.type"]) == (True, "http_5xx")
    assert (second.is_error, task.is_error) == (False, False)
    requests = [the(mine, name="POST", parent=one.id) for one in (first, second)]
    assert [one.attributes["http.response.status_code"] for one in requests] == [503, 200]
    assert target_told == [f"00-{TRACE}-{one.id}-01" for one in requests]
    assert {call.headers["tracestate"] for call in target.calls_to("/traced")} == {"vendor=a"}

    hook_task = the(mine, name="task default", parent=second.id)
    assert hook_task.attributes["karya.task.kind"] == "hook"
    chaining = the(mine, name="process default", parent=hook_task.id)
    chained = the(mine, name="task default", parent=chaining.id)
    process = the(mine, name="process default", parent=chained.id)
    request = the(mine, name="POST", parent=process.id)
    (call,) = target.calls_to("/traced-hook")
    assert call.headers["traceparent"] == f"00-{TRACE}-{request.id}-01"


def test_occurrences_have_traces_of_their_own_that_link_to_the_submission(
    karya: Running, collector: Collector
) -> None:
    schedule = {"kind": "interval", "every": "PT0.2S", "max_runs": 2}
    ident = karya.submit(action={"type": "noop"}, schedule=schedule)
    karya.ended(ident, 30)

    def complete(spans: Sequence[Span]) -> bool:
        return len([one for one in spans if one.attributes.get("karya.job.id") == ident]) == 7

    collector.until(complete)
    mine = collector.of_job(ident)
    submit = the(mine, name="submit")
    tasks = [one for one in mine if one.name == "task default"]
    assert len({submit.trace, *(task.trace for task in tasks)}) == 3
    assert [(task.parent, task.links) for task in tasks] == [("", ((submit.trace, submit.id),))] * 2


def test_what_is_run_by_hand_belongs_to_whoever_asks_over_http_or_by_the_handle(
    karya: Running, collector: Collector
) -> None:
    ident = karya.submit(action={"type": "noop"}, schedule={"kind": "once", "after": "PT1H"})
    over_http, by_handle = f"{1:032x}", f"{2:032x}"
    karya.http("POST", f"/v1/jobs/{ident}/trigger", traceparent=f"00-{over_http}-{CALLER}-01")
    context = SpanContext(int(by_handle, 16), int(CALLER, 16), is_remote=False, trace_flags=TraceFlags(1))
    with use_span(NonRecordingSpan(context)):
        karya.karya.trigger(ident)

    def complete(spans: Sequence[Span]) -> bool:
        return all(len([one for one in spans if one.trace == trace]) == 4 for trace in (over_http, by_handle))

    spans = collector.until(complete)
    for trace in (over_http, by_handle):
        mine = [span for span in spans if span.trace == trace]
        trigger = the(mine, name="trigger")
        assert (trigger.parent, trigger.attributes["karya.job.id"]) == (CALLER, ident)
        assert the(mine, name="task default").parent == trigger.id
    karya.karya.cancel(ident)
