"""A worker that slept past `start_by` asks before it starts: the lease may be lost, the job cancelled."""

import asyncio

from karya.core.hint import Hint
from karya.core.ports import Commit
from karya.core.task import CLOCKS_AGREE, START_WITHIN, TaskState
from tests.integration.actors.crew import LEASE, Crew, Mate
from tests.support.actions import Actions
from tests.support.away import Away
from tests.support.soon import soon
from tests.support.story import NOW, a_job, at, release


class Late:
    """Workers whose claim took a second, and which then wait for the answer to their question."""

    def __init__(self, crew: Crew, jobs: int = 1) -> None:
        self.crew = crew
        self.claims = Away(crew.kit.claims, "claim")
        self.renewals = Away(self.claims, "renew")
        self.actions = Actions()
        self.jobs = jobs

    async def ask(self, late_by: float = 1) -> tuple[Mate, list[Hint]]:
        """Claims the jobs too late; returns while the worker asks whether it may start."""
        hints = await self.crew.store(*(a_job() for _ in range(self.jobs)))
        self.claims.open.clear()
        self.renewals.open.clear()
        mate = self.crew.worker(self.actions, claims=self.renewals, slots=10)
        mate.line.send(*hints)
        await soon(lambda: self.claims.calls)
        self.crew.kit.time.advance(late_by)
        self.claims.open.set()
        await soon(lambda: self.renewals.calls)
        assert self.actions.started == []
        return mate, hints


async def test_late_tasks_ask_together_and_then_start(crew: Crew) -> None:
    late = Late(crew, jobs=6)
    _, hints = await late.ask()
    late.actions.gate.clear()
    late.renewals.open.set()
    await soon(lambda: len(late.actions.started) == 6)
    assert late.renewals.calls == 1
    task = await crew.task(hints[0])
    assert (task.start_by, task.attempts) == (at(1) + START_WITHIN, 1)
    late.actions.gate.set()
    for hint in hints:
        assert (await crew.becomes(hint, TaskState.SUCCEEDED)).started_at == at(1)


async def test_it_asks_before_the_answer_to_a_cancel_can_come(crew: Crew) -> None:
    """Whoever answers goes by the time that is stored, and by a clock of its own, which may be ahead."""
    late = Late(crew)
    _, (hint,) = await late.ask((START_WITHIN - CLOCKS_AGREE).total_seconds())
    late.renewals.open.set()
    await crew.becomes(hint, TaskState.SUCCEEDED)
    assert late.renewals.calls == 1


async def test_one_that_is_not_late_does_not_ask(crew: Crew) -> None:
    (hint,) = await crew.store(a_job())
    claims = Away(crew.kit.claims, "renew")
    crew.worker(Actions(), claims=claims).line.send(hint)
    await crew.becomes(hint, TaskState.SUCCEEDED)
    assert claims.calls == 0


async def test_a_cancelled_one_does_not_start(crew: Crew) -> None:
    late = Late(crew, jobs=2)
    _, (cancelled, other) = await late.ask()
    await crew.kit.jobs.cancel(cancelled.job_id, NOW)
    await crew.kit.tasks.cancel_of_job(cancelled.job_id, NOW)
    late.renewals.open.set()
    task = await crew.becomes(cancelled, TaskState.CANCELLED)
    await crew.becomes(other, TaskState.SUCCEEDED)
    assert task.started_at is None
    assert [context.task_id for context in late.actions.started] == [other.task_id]


async def test_one_that_was_paused_goes_back_and_stays_held(crew: Crew) -> None:
    late = Late(crew, jobs=2)
    _, (paused, other) = await late.ask()
    await crew.kit.lifecycle.pause(paused.job_id, NOW)
    late.renewals.open.set()
    task = await crew.becomes(paused, TaskState.READY)
    await crew.becomes(other, TaskState.SUCCEEDED)
    assert (task.held, task.attempts) == (True, 0)
    assert [context.task_id for context in late.actions.started] == [other.task_id]


async def test_one_that_lost_its_lease_does_not_start(crew: Crew) -> None:
    late = Late(crew)
    mate, (hint,) = await late.ask()
    lease = (await crew.task(hint)).lease
    assert lease is not None
    await crew.kit.commits.commit([Commit(hint.task_id, lease.id, release())], NOW)
    late.renewals.open.set()
    await soon(lambda: mate.count("karya_leases_lost_total") == 1)
    assert late.actions.started == []


async def test_it_asks_again_while_the_store_is_away(crew: Crew) -> None:
    late = Late(crew)
    _, (hint,) = await late.ask()
    late.renewals.left = 2
    late.renewals.open.set()
    await crew.becomes(hint, TaskState.SUCCEEDED)
    assert late.renewals.calls == 3


async def test_it_gives_up_when_the_lease_has_run_out_meanwhile(crew: Crew) -> None:
    late = Late(crew)
    late.renewals.left = 1
    mate, (hint,) = await late.ask(LEASE.total_seconds())
    late.renewals.open.set()
    await soon(lambda: mate.count("karya_leases_lost_total") == 1)
    await asyncio.sleep(0)
    assert late.actions.started == []
    assert (await crew.task(hint)).status is TaskState.RUNNING
