"""A worker does with hinted tasks what it should, once, and never more than it may at a time."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from karya.core.hint import Hint
from karya.core.job import JobState
from karya.core.limits import Concurrency
from karya.core.outcome import Failure, Outcome, Success
from karya.core.policies import Overlap
from karya.core.ports import AttemptContext, Claim, Claims
from karya.core.task import TaskState
from tests.integration.actors.crew import Crew
from tests.support.actions import Actions
from tests.support.away import Away
from tests.support.soon import soon
from tests.support.story import NOW, ON_COMPLETION, ON_FAILURE, a_job, at, due, every, first_task


async def test_a_success_is_committed_and_ends_the_job(crew: Crew) -> None:
    job = a_job()
    (hint,) = await crew.store(job)
    mate = crew.worker(Actions(Success({"answer": 42})))
    mate.line.send(hint)
    task = await crew.becomes(hint, TaskState.SUCCEEDED)
    assert (task.result, task.attempts, task.token, task.started_at) == ('{"answer":42}', 1, 1, NOW)
    await soon(lambda: mate.count("karya_executor_task_success_execution_count_total") == 1)
    stored = await crew.kit.jobs.get(job.id)
    assert stored is not None and stored.status is JobState.COMPLETED
    context = AttemptContext(hint.task_id, job.id, attempt=1, token=1, instant=NOW)
    assert mate.actions.started == [context]
    assert mate.line.pokes == []


@pytest.mark.parametrize("outcome", [Failure("boom"), ValueError("boom")], ids=repr)
async def test_a_failure_is_tried_again_after_its_backoff(crew: Crew, outcome: Outcome | Exception) -> None:
    (hint,) = await crew.store(a_job())
    mate = crew.worker(Actions(outcome))
    mate.line.send(hint)
    await soon(lambda: mate.line.pokes)
    task = await crew.task(hint)
    assert task.status is TaskState.READY
    assert task.error in ("boom", "ValueError: boom")
    assert task.due_at >= at(1)
    assert mate.line.pokes == [at(0)], "had it hooks, they would be due at once"
    assert mate.count("karya_executor_task_failed_execution_count_total") == 1
    assert [log.error for log in await crew.kit.errors_of(hint.job_id)] == [task.error]


async def test_a_permanent_failure_is_buried_with_its_hooks(crew: Crew) -> None:
    job = a_job(None, ON_FAILURE, ON_COMPLETION)
    (hint,) = await crew.store(job)
    mate = crew.worker(Actions(Failure("gone", permanent=True)))
    mate.line.send(hint)
    task = await crew.becomes(hint, TaskState.DEAD)
    assert task.reason == "permanent failure: never retried"
    await soon(lambda: mate.line.pokes == [NOW])
    steps = sorted(task.step for task in await crew.kit.tasks_of(job.id))
    assert steps == ["ON_COMPLETION", "ON_FAILURE", "main"]


async def test_a_recurring_job_goes_on_after_a_success(crew: Crew) -> None:
    job = a_job(every(1))
    (hint,) = await crew.store(job)
    crew.kit.time.advance(1)
    crew.worker(Actions()).line.send(hint)
    await crew.becomes(hint, TaskState.SUCCEEDED)
    stored = await crew.kit.jobs.get(job.id)
    assert stored is not None and stored.status is JobState.ACTIVE


async def test_two_workers_with_the_same_hints_run_each_once(crew: Crew) -> None:
    hints = await crew.store(*(a_job() for _ in range(20)))
    one, two = crew.worker(Actions(), owner="one"), crew.worker(Actions(), owner="two")
    for mate in (one, two):
        mate.line.send(*hints)
    for hint in hints:
        await crew.becomes(hint, TaskState.SUCCEEDED)
    await soon(lambda: not one.line.backlog and not two.line.backlog)
    ran = [context.task_id for mate in (one, two) for context in mate.actions.started]
    assert sorted(ran) == sorted(hint.task_id for hint in hints)
    await soon(lambda: sum(mate.count("karya_claims_refused_total") for mate in (one, two)) == 20)


async def test_stale_hints_are_refused_and_their_slots_given_back(crew: Crew) -> None:
    hints = await crew.store(*(a_job() for _ in range(4)))
    stale = [replace(hint, token=7) for hint in hints]
    early = await crew.store(a_job(every(3600)))
    mate = crew.worker(Actions(), slots=2)
    mate.line.send(*stale, *early)
    await soon(lambda: mate.count("karya_claims_refused_total") == 5)
    await soon(lambda: mate.line.free == 2)
    assert mate.actions.started == []
    mate.line.send(*hints)
    for hint in hints:
        await crew.becomes(hint, TaskState.SUCCEEDED)


async def test_never_more_than_slots_at_once(crew: Crew) -> None:
    actions = Actions()
    actions.gate.clear()
    hints = await crew.store(*(a_job() for _ in range(12)))
    mate = crew.worker(actions, slots=3)
    mate.line.send(*hints)
    await soon(lambda: actions.running == 3)
    actions.gate.set()
    for hint in hints:
        await crew.becomes(hint, TaskState.SUCCEEDED)
    assert actions.most == 3
    assert all(free + running <= 3 for free, running in mate.line.reports)


async def test_credit_comes_back_after_reports_have_piled_up(crew: Crew) -> None:
    """Outcomes that wait for the store take credit away; nobody but the last of them can give it back."""
    commits = Away(crew.kit.commits, "commit")
    commits.open.clear()
    hints = await crew.store(*(a_job() for _ in range(30)))
    mate = crew.worker(Actions(), slots=2, commits=commits)
    mate.line.send(*hints)
    await soon(lambda: len(mate.actions.started) > 4 and mate.line.free == 0 and not mate.actions.running)
    piled_up = len(mate.actions.started)
    assert piled_up <= 2 * 2 + 2
    commits.open.set()
    for hint in hints:
        await crew.becomes(hint, TaskState.SUCCEEDED)
    await soon(lambda: mate.line.free == 2)


async def test_a_store_that_is_away_during_the_claim_costs_only_the_hints(crew: Crew) -> None:
    claims = Away(crew.kit.claims, "claim", left=1)
    hints = await crew.store(a_job())
    mate = crew.worker(Actions(), claims=claims)
    mate.line.send(*hints)
    await soon(lambda: claims.left == 0 and mate.line.free == 4)
    mate.line.send(*hints)
    await crew.becomes(hints[0], TaskState.SUCCEEDED)


class Contended:
    """Stands in for `Claims`: under limits others are claiming, until it is over."""

    def __init__(self, real: Claims) -> None:
        self._real = real
        self.over = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def claim(self, hints: Sequence[Hint], owner: str, ttl: timedelta) -> Sequence[Claim]:
        if any(hint.limits for hint in hints):
            await self.over.wait()
        return await self._real.claim(hints, owner, ttl)


async def test_what_has_no_limits_does_not_wait_for_what_has(crew: Crew) -> None:
    """Neither in the same lot nor behind it, though nothing beyond the slots is taken."""
    claims = Contended(crew.kit.claims)
    limited = await crew.store(*(a_job(concurrency=Concurrency(key="k", limit=9)) for _ in range(3)))
    free = await crew.store(*(a_job() for _ in range(4)))
    mate = crew.worker(Actions(), slots=4, claims=claims)
    mate.line.send(*limited, *free)
    for hint in free:
        await crew.becomes(hint, TaskState.SUCCEEDED)
    assert max(reported for reported, _ in mate.line.reports[1:]) == 1, "the others may still be won"
    claims.over.set()
    for hint in limited:
        await crew.becomes(hint, TaskState.SUCCEEDED)
    assert mate.actions.most <= 4


async def test_a_claim_ahead_of_the_instant_waits_for_it(crew: Crew) -> None:
    hints = await crew.store(a_job(every(1)))
    crew.kit.time.now = at(1) - timedelta(milliseconds=30)
    actions = Actions()
    crew.worker(actions).line.send(*hints)
    await crew.becomes(hints[0], TaskState.RUNNING)
    assert actions.started == []
    crew.kit.time.advance(0.03)
    task = await crew.becomes(hints[0], TaskState.SUCCEEDED)
    assert task.started_at is not None and task.started_at >= at(1)


async def test_an_overlapped_attempt_that_fails_before_it_hears_of_it_gives_the_slot_back(crew: Crew) -> None:
    """The cancel was asked for in between, so that its retry becomes its end."""
    job = a_job(every(1), overlap=Overlap.CANCEL_RUNNING)
    (hint,) = await crew.store(job)
    (newer,) = [task.hint for task in crew.kit.agenda.extend([due(first_task(job))], at(2), at(1)).made][:1]
    crew.kit.time.now = at(2)
    assert crew.kit.admissions.admit([hint], at(1)).admitted
    mate = crew.worker(Actions(Failure("boom")))
    mate.actions.gate.clear()
    mate.line.send(hint)
    await soon(lambda: mate.actions.started)
    assert crew.kit.admissions.admit([newer], at(2)).waiting
    mate.actions.gate.set()
    await crew.becomes(hint, TaskState.CANCELLED)

    async def let_go() -> bool:
        return not (await crew.task(newer)).held

    await soon(let_go)
