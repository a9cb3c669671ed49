"""A worker that shall end finishes what it can, hands back the rest, and holds on to nothing."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from karya.core.hint import Hint
from karya.core.task import TaskState
from tests.integration.actors.crew import Crew, Mate
from tests.support.actions import Actions
from tests.support.away import Away
from tests.support.soon import soon
from tests.support.story import NOW, a_job

LONG = timedelta(seconds=30)
PATIENCE = 30


async def busy(crew: Crew, grace: timedelta, count: int = 2) -> tuple[Mate, list[Hint]]:
    """A worker in the middle of its tasks."""
    hints = await crew.store(*(a_job() for _ in range(count)))
    actions = Actions()
    actions.gate.clear()
    mate = crew.worker(actions, grace=grace)
    mate.line.send(*hints)
    await soon(lambda: actions.running == count)
    return mate, hints


async def is_handed_back(crew: Crew, hint: Hint) -> bool:
    task = await crew.task(hint)
    assert task.status is TaskState.READY
    return (task.attempts, task.token, task.started_at) == (0, 1, None)


async def test_what_runs_may_finish_within_the_grace(crew: Crew) -> None:
    mate, hints = await busy(crew, LONG)
    draining = asyncio.create_task(mate.worker.drain())
    await soon(lambda: mate.line.free == 0)
    assert not draining.done()
    mate.actions.gate.set()
    await asyncio.wait_for(draining, PATIENCE)
    assert [(await crew.task(hint)).status for hint in hints] == [TaskState.SUCCEEDED] * 2
    assert mate.line.free == 0
    assert mate.actions.stopped == []


async def test_the_rest_is_handed_back_and_its_attempt_not_counted(crew: Crew) -> None:
    mate, hints = await busy(crew, timedelta(milliseconds=20))
    await asyncio.wait_for(mate.worker.drain(), PATIENCE)
    assert sorted(mate.actions.stopped) == sorted(hint.task_id for hint in hints)
    assert all([await is_handed_back(crew, hint) for hint in hints])
    assert mate.line.pokes[0] == NOW
    assert mate.line.free == 0


async def test_what_was_handed_back_is_taken_by_another(crew: Crew) -> None:
    mate, (hint,) = await busy(crew, timedelta(0), count=1)
    await asyncio.wait_for(mate.worker.drain(), PATIENCE)
    crew.worker(Actions(), owner="other").line.send(replace(hint, token=1))
    task = await crew.becomes(hint, TaskState.SUCCEEDED)
    assert (task.attempts, task.token) == (1, 2)


async def test_handing_back_ends_a_patient_drain_and_doing_it_twice_changes_nothing(crew: Crew) -> None:
    mate, hints = await busy(crew, LONG)
    draining = asyncio.create_task(mate.worker.drain())
    await soon(lambda: mate.line.free == 0)
    mate.worker.hand_back()
    mate.worker.hand_back()
    await asyncio.wait_for(draining, PATIENCE)
    mate.worker.hand_back()
    await asyncio.wait_for(mate.worker.drain(), PATIENCE)
    assert all([await is_handed_back(crew, hint) for hint in hints])


async def test_outcomes_that_wait_for_the_store_are_waited_for(crew: Crew) -> None:
    commits = Away(crew.kit.commits, "commit")
    commits.open.clear()
    (hint,) = await crew.store(a_job())
    mate = crew.worker(Actions(), commits=commits)
    mate.line.send(hint)
    await soon(lambda: commits.calls)
    draining = asyncio.create_task(mate.worker.drain())
    await soon(lambda: mate.line.free == 0)
    assert not draining.done()
    commits.open.set()
    await asyncio.wait_for(draining, PATIENCE)
    assert (await crew.task(hint)).status is TaskState.SUCCEEDED


async def test_hints_that_arrive_during_the_drain_are_not_claimed(crew: Crew) -> None:
    claims = Away(crew.kit.claims, "claim")
    (hint,) = await crew.store(a_job())
    mate = crew.worker(Actions(), claims=claims)
    await soon(lambda: mate.line.free == 4)
    await asyncio.wait_for(mate.worker.drain(), PATIENCE)
    mate.line.report(1, 0)
    mate.line.send(hint)
    await asyncio.wait_for(mate.loops[0], PATIENCE)
    assert mate.line.backlog == [hint], "it goes to another worker when this one says goodbye"
    assert claims.calls == 0
    assert (await crew.task(hint)).token == 0


async def test_a_claim_under_way_is_waited_for_and_handed_back(crew: Crew) -> None:
    """Won while nobody looks, it would keep its task from everybody until the lease ends."""
    claims = Away(crew.kit.claims, "claim")
    claims.open.clear()
    hints = await crew.store(a_job(), a_job())
    mate = crew.worker(Actions(), claims=claims)
    mate.line.send(*hints)
    await soon(lambda: claims.calls)
    draining = asyncio.create_task(mate.worker.drain())
    await soon(lambda: mate.line.free == 0)
    claims.open.set()
    await asyncio.wait_for(draining, PATIENCE)
    assert mate.actions.started == []
    assert all([await is_handed_back(crew, hint) for hint in hints])
