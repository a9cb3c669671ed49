"""What the spans of an attempt say is what was stored of it."""

from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from karya.actors import janitor
from karya.core.outcome import Success
from karya.core.task import TaskState
from karya.telemetry.ids import Ids
from karya.telemetry.spans import SpanTraces
from tests.integration.actors.crew import Crew
from tests.integration.actors.test_steps import two_steps
from tests.support.actions import Actions
from tests.support.soon import soon
from tests.support.story import a_job


class Told:
    """What an exporter was told."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        ids = Ids()
        provider = TracerProvider(id_generator=ids)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.traces = SpanTraces(provider, ids)

    def all(self) -> list[ReadableSpan]:
        return list(self._exporter.get_finished_spans())

    def names(self) -> list[str]:
        return [span.name for span in self.all()]

    def one(self, name: str) -> ReadableSpan:
        (span,) = [span for span in self.all() if span.name == name]
        return span


@pytest.fixture
def told() -> Told:
    return Told()


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


async def test_what_could_not_be_stored_did_not_succeed(crew: Crew, told: Told) -> None:
    """The lease is lost while the action runs; nobody has told the worker when that ends."""
    (hint,) = await crew.store(a_job())
    actions = Actions()
    actions.gate.clear()
    mate = crew.worker(actions, traces=told.traces)
    mate.line.send(hint)
    await soon(lambda: actions.started)
    crew.kit.time.advance(60)
    (task,) = await crew.kit.claims.expired(9)
    verdict = janitor._verdict(task, crew.kit.time.now)
    assert verdict is not None
    await crew.kit.commits.commit([verdict], crew.kit.time.now)
    actions.gate.set()
    await soon(lambda: "process default" in told.names())
    process = told.one("process default")
    assert process.status.status_code is StatusCode.ERROR
    assert attributes(process)["error.type"] == "lease_lost"
    assert "karya.outcome" not in attributes(process)
    assert "task default" not in told.names(), "another worker will say what became of it"


async def test_a_step_whose_templates_lead_nowhere_has_an_attempt_and_no_request(
    crew: Crew, told: Told
) -> None:
    job = two_steps("{{ steps.a.result.name }}")
    (hint,) = await crew.store(job)
    mate = crew.worker(Actions(Success({"id": 7})), traces=told.traces)
    mate.line.send(hint)
    mate.line.send(await crew.open(job, "b"))
    await soon(lambda: len(told.names()) >= 6)
    (process,) = [one for one in told.all() if attributes(one).get("error.type") == "template"][:1]
    assert (process.name, attributes(process)["karya.outcome"]) == ("process default", "dead")
    assert told.names().count("task default") == 2 and "POST" not in told.names()


async def test_what_was_stored_is_told(crew: Crew, told: Told) -> None:
    (hint,) = await crew.store(a_job())
    mate = crew.worker(Actions(), traces=told.traces)
    mate.line.send(hint)
    await crew.becomes(hint, TaskState.SUCCEEDED)
    await soon(lambda: "task default" in told.names())
    assert attributes(told.one("process default"))["karya.outcome"] == "succeeded"
