"""A worker runs steps and hooks with what went before filled in, and what follows is made due at once."""

import asyncio
from datetime import timedelta
from typing import Any

import orjson

from karya.core.action import RestAction
from karya.core.hook import Trigger
from karya.core.job import Job, JobState
from karya.core.outcome import Failure, Outcome, Success
from karya.core.policies import Overlap
from karya.core.ports import AttemptContext
from karya.core.steps import When
from karya.core.task import TaskState
from tests.integration.actors.crew import SHORT_LEASE, Crew
from tests.support.actions import Actions
from tests.support.away import Away
from tests.support.soon import soon
from tests.support.story import NOW, ON_RETRY, ON_SUCCESS, a_job, at, hook, step

URL = "http://localhost/"


class Listening(Actions):
    """Notes the actions that it is told to run."""

    def __init__(self, *outcomes: Outcome | Exception) -> None:
        super().__init__(*outcomes)
        self.actions: list[dict[str, Any]] = []

    async def run(self, action: str, context: AttemptContext) -> Outcome:
        self.actions.append(orjson.loads(action))
        return await super().run(action, context)


def saying(body: Any) -> RestAction:
    return RestAction(method="POST", url=URL, body=body)


def two_steps(body: Any = "{{ steps.a.result.id }}", **fields: Any) -> Job:
    return a_job(steps=[step("a"), step("b", "a", action=saying(body), **fields)])


async def status(crew: Crew, job: Job) -> JobState:
    stored = await crew.kit.jobs.get(job.id)
    assert stored is not None
    return stored.status


async def test_a_step_is_told_what_the_one_before_it_returned(crew: Crew) -> None:
    job = two_steps({"id": "{{ steps.a.result.id }}", "was": "it {{ steps.a.status }}"})
    (hint,) = await crew.store(job)
    actions = Listening(Success({"id": 7}), Success())
    mate = crew.worker(actions)
    mate.line.send(hint)
    mate.line.send(await crew.open(job, "b"))
    await soon(lambda: status_is(crew, job, JobState.COMPLETED))
    assert actions.actions[1]["body"] == {"id": 7, "was": "it SUCCEEDED"}
    assert mate.line.pokes == [NOW]


async def status_is(crew: Crew, job: Job, wanted: JobState) -> bool:
    return await status(crew, job) is wanted


async def test_a_step_for_failures_is_told_the_error(crew: Crew) -> None:
    job = two_steps("{{ steps.a.error }}", when=When.FAILURE)
    (hint,) = await crew.store(job)
    actions = Listening(Failure("no such host", permanent=True), Success())
    mate = crew.worker(actions)
    mate.line.send(hint)
    mate.line.send(await crew.open(job, "b"))
    await soon(lambda: status_is(crew, job, JobState.COMPLETED))
    assert actions.actions[1]["body"] == "no such host"


async def test_a_job_ends_although_its_last_step_was_skipped(crew: Crew) -> None:
    job = two_steps()
    (hint,) = await crew.store(job)
    crew.worker(Actions(Failure("boom", permanent=True))).line.send(hint)
    await soon(lambda: status_is(crew, job, JobState.COMPLETED))


async def test_a_template_that_leads_nowhere_is_never_retried(crew: Crew) -> None:
    job = two_steps("{{ steps.a.result.name }}")
    (hint,) = await crew.store(job)
    actions = Listening(Success({"id": 7}))
    mate = crew.worker(actions)
    mate.line.send(hint)
    second = await crew.open(job, "b")
    mate.line.send(second)
    task = await crew.becomes(second, TaskState.DEAD)
    assert task.error == "steps.a.result.name: the result has no 'name' (it has: id)"
    assert task.reason == "permanent failure: never retried"
    assert (task.attempts, task.started_at, len(actions.actions)) == (1, None, 1)


async def test_a_hook_is_told_of_what_fired_it(crew: Crew) -> None:
    told = saying("{{ event.data.task.step }} failed: {{ event.data.error }}")
    job = a_job(None, hook(Trigger.ON_FAILURE, told), action=RestAction(url=URL))
    (hint,) = await crew.store(job)
    actions = Listening(Failure("boom", permanent=True), Success())
    mate = crew.worker(actions)
    mate.line.send(hint)
    fired = await crew.open(job, "ON_FAILURE")
    assert fired.action is None
    mate.line.send(fired)
    task = await crew.becomes(fired, TaskState.SUCCEEDED)
    assert actions.actions[1]["body"] == "main failed: boom"
    assert actions.started[1].event == task.event is not None
    assert actions.started[0].event is None


async def test_what_a_success_makes_due_is_told_to_the_scheduler(crew: Crew) -> None:
    job, plain = a_job(None, ON_SUCCESS), a_job()
    hints = await crew.store(job, plain)
    crew.kit.time.advance(3)
    mate = crew.worker(Actions())
    mate.line.send(hints[1])
    await crew.becomes(hints[1], TaskState.SUCCEEDED)
    assert mate.line.pokes == []
    mate.line.send(hints[0])
    await soon(lambda: mate.line.pokes == [at(3)])


async def test_results_that_cannot_be_read_are_waited_for_without_costing_an_attempt(crew: Crew) -> None:
    job = two_steps()
    (hint,) = await crew.store(job)
    claims = Away(crew.kit.claims, "results", left=2)
    actions = Listening(Success({"id": 7}), Success())
    mate = crew.worker(actions, claims=claims)
    mate.line.send(hint)
    second = await crew.open(job, "b")
    mate.line.send(second)
    task = await crew.becomes(second, TaskState.SUCCEEDED)
    assert (task.attempts, claims.calls, actions.actions[1]["body"]) == (1, 3, 7)


async def test_a_step_that_waits_for_results_can_be_cancelled(crew: Crew) -> None:
    job = two_steps()
    (hint,) = await crew.store(job)
    claims = Away(crew.kit.claims, "results")
    claims.open.clear()
    actions = Listening(Success({"id": 7}))
    mate = crew.worker(actions, claims=claims, lease=SHORT_LEASE)
    mate.line.send(hint)
    second = await crew.open(job, "b")
    mate.line.send(second)
    await soon(lambda: claims.calls)
    await crew.kit.jobs.cancel(job.id, NOW)
    await crew.kit.tasks.cancel_of_job(job.id, NOW)
    task = await crew.becomes(second, TaskState.CANCELLED)
    assert (task.started_at, len(actions.actions)) == (None, 1)


async def test_a_step_that_waits_for_results_is_handed_back_by_a_drain(crew: Crew) -> None:
    job = two_steps()
    (hint,) = await crew.store(job)
    claims = Away(crew.kit.claims, "results", left=1_000_000)
    mate = crew.worker(Actions(Success({"id": 7})), claims=claims)
    mate.line.send(hint)
    second = await crew.open(job, "b")
    mate.line.send(second)
    await soon(lambda: claims.calls)
    await asyncio.wait_for(mate.worker.drain(), 30)
    task = await crew.task(second)
    assert (task.status, task.attempts) == (TaskState.READY, 0)


async def test_an_attempt_that_takes_too_long_is_stopped_and_tried_again(crew: Crew) -> None:
    job = a_job(None, ON_RETRY, timeout=timedelta(milliseconds=30))
    (hint,) = await crew.store(job)
    actions = Actions()
    actions.gate.clear()
    mate = crew.worker(actions)
    mate.line.send(hint)
    fired = await crew.open(job, "ON_RETRY")
    task = await crew.task(hint)
    assert (task.status, task.error, task.attempts) == (TaskState.READY, "timed out after PT0.03S", 1)
    assert actions.stopped == [hint.task_id]
    event = (await crew.task(fired)).event
    assert orjson.loads(event or "")["data"]["code"] == "timeout"


async def test_an_occurrence_that_has_ended_gives_its_slot_back(crew: Crew) -> None:
    slots = Away(crew.kit.slots, "release")
    job = a_job(steps=[step("a"), step("b", "a")], overlap=Overlap.SKIP)
    free = a_job()
    first, unslotted = await crew.store(job, free)
    mate = crew.worker(Actions(), slots_of=slots)
    mate.line.send(first, unslotted)
    await crew.becomes(unslotted, TaskState.SUCCEEDED)
    mate.line.send(await crew.open(job, "b"))
    await soon(lambda: status_is(crew, job, JobState.COMPLETED))
    assert slots.calls == 2
