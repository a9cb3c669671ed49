"""The server keeps its promises to clients on the real store."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from karya.actors import server as room
from karya.actors.metrics import ServerMetrics, figures
from karya.actors.server import Server
from karya.core.action import Action, NoopAction
from karya.core.errors import Conflict, InvalidInput, NotFound, StoreUnavailable
from karya.core.job import JobSpec, JobState
from karya.core.ports import Clock
from karya.core.schedule import Once
from karya.core.task import START_WITHIN, TaskState
from karya.core.user import UserSpec
from tests.conformance.store.kit import StoreKit
from tests.support.away import Away
from tests.support.commands import RECORDER
from tests.support.held_clock import HeldClock
from tests.support.story import NOW, at, every, retry, succeed

SPEC = JobSpec[Action](action=NoopAction())


class Desk:
    """A server, and whatever it told the scheduler."""

    def __init__(self, kit: StoreKit, *, clock: Clock | None = None, jobs: Any = None, **probes: Any) -> None:
        self.pokes: list[datetime] = []
        self.metrics = ServerMetrics()

        async def gather() -> Any:
            return [figures("server", self.metrics.registry)]

        self.server = Server(
            spec_type=JobSpec[Action],
            jobs=jobs or kit.jobs,
            tasks=kit.tasks,
            error_logs=kit.error_logs,
            users=kit.users,
            clock=clock or HeldClock(kit.time),
            metrics=self.metrics,
            poke=self.pokes.append,
            probes=probes,
            gather=gather,
        )


@pytest.fixture
def desk(kit: StoreKit) -> Desk:
    return Desk(kit)


async def test_a_submitted_job_is_stored_with_its_first_task_and_poked(desk: Desk, kit: StoreKit) -> None:
    kit.time.now += timedelta(microseconds=1700)
    view = await desk.server.submit(SPEC)
    assert view.created_at == at(0.001)
    assert (await desk.server.get(view.id)).model_copy(update={"warnings": ()}) == view
    (task,) = await kit.tasks_of(view.id)
    assert (task.status, task.due_at) == (TaskState.READY, at(0.001))
    assert desk.pokes == [at(0.001)]


async def test_the_past_is_warned_about_and_the_future_waited_for(desk: Desk) -> None:
    view = await desk.server.submit(SPEC.model_copy(update={"schedule": Once(at=at(-60))}))
    assert view.warnings == ("schedule.at, 2026-11-23T07:59:00.000Z, is in the past: the job runs now",)
    recurring = await desk.server.submit(SPEC.model_copy(update={"schedule": every(60)}))
    assert recurring.next_at == at(60)
    assert desk.pokes[-1] == at(60)


async def test_an_unknown_user_is_refused_and_nothing_stored(desk: Desk) -> None:
    with pytest.raises(InvalidInput, match="there is no user 'nobody'"):
        await desk.server.submit(SPEC.model_copy(update={"user_id": "nobody"}))
    assert (await desk.server.list(user_id=None, status=None, cursor=None, limit=9)).jobs == ()
    user = await desk.server.add_user(UserSpec(name="ann"))
    view = await desk.server.submit(SPEC.model_copy(update={"user_id": user.id}))
    assert view.user_id == user.id
    with pytest.raises(Conflict):
        await desk.server.add_user(UserSpec(name="ann"))


async def test_submissions_that_arrive_together_share_a_transaction(desk: Desk) -> None:
    with RECORDER.recorded() as commands:
        views = await asyncio.gather(*(desk.server.submit(SPEC) for _ in range(50)))
    assert len({view.id for view in views}) == 50
    assert len([command for command in commands if "commitTransaction" in command]) == 1
    assert len([command for command in commands if "insert" in command]) == 2
    assert desk.metrics.registry.get_sample_value("karya_jobs_submitted_total") == 50


async def test_a_store_that_is_away_refuses_all_of_a_batch_and_pokes_nobody(kit: StoreKit) -> None:
    desk = Desk(kit, jobs=Away(kit.jobs, "submit", left=1))
    answers = await asyncio.gather(*(desk.server.submit(SPEC) for _ in range(3)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [StoreUnavailable] * 3
    assert desk.pokes == []
    await desk.server.submit(SPEC)


async def test_lists_go_from_page_to_page(desk: Desk) -> None:
    ids = [(await desk.server.submit(SPEC)).id for _ in range(3)]
    first = await desk.server.list(user_id=None, status=JobState.ACTIVE, cursor=None, limit=2)
    rest = await desk.server.list(user_id=None, status=None, cursor=first.next_cursor, limit=2)
    assert sorted(job.id for job in (*first.jobs, *rest.jobs)) == sorted(ids)
    assert rest.next_cursor is None
    tasks = await desk.server.tasks(ids[0], cursor=None, limit=2)
    assert [task.job_id for task in tasks.tasks] == [ids[0]]


async def test_the_summary_tells_counts_tasks_and_errors(desk: Desk, kit: StoreKit) -> None:
    view = await desk.server.submit(SPEC)
    (task,) = await kit.tasks_of(view.id)
    await kit.commit(await kit.claim(task), retry("boom"))
    summary = await desk.server.summary(view.id)
    assert (summary.job.id, summary.counts) == (view.id, {TaskState.READY: 1})
    assert [(error.attempt, error.error) for error in summary.errors] == [(1, "boom")]
    assert [task.status for task in summary.tasks] == [TaskState.READY]


@pytest.mark.parametrize("call", ["get", "summary", "cancel", "tasks"])
async def test_an_unknown_job_is_not_found(desk: Desk, call: str) -> None:
    more = {"cursor": None, "limit": 1} if call == "tasks" else {}
    with pytest.raises(NotFound, match="no job 'x'"):
        await getattr(desk.server, call)("x", **more)


async def test_a_cancel_ends_job_and_task_at_once_when_nothing_runs(desk: Desk, kit: StoreKit) -> None:
    view = await desk.server.submit(SPEC)
    for _ in range(2):
        cancelled = await asyncio.wait_for(desk.server.cancel(view.id), 2)
        assert (cancelled.status, cancelled.finished_at) == (JobState.CANCELLED, NOW)
        kit.time.advance(1)
    assert [task.status for task in await kit.tasks_of(view.id)] == [TaskState.CANCELLED]
    assert desk.metrics.registry.get_sample_value("karya_jobs_cancelled_total") == 1


async def test_a_completed_job_cannot_be_cancelled(desk: Desk, kit: StoreKit) -> None:
    view = await desk.server.submit(SPEC)
    (task,) = await kit.tasks_of(view.id)
    await kit.commit(await kit.claim(task), succeed())
    await kit.jobs.complete_solo([view.id], NOW)
    with pytest.raises(Conflict):
        await desk.server.cancel(view.id)


async def test_a_cancel_waits_until_no_claimed_task_can_start(
    desk: Desk, kit: StoreKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    view = await desk.server.submit(SPEC)
    (task,) = await kit.tasks_of(view.id)
    await kit.claim(task)
    kit.time.advance(0.1)
    with monkeypatch.context() as patched:
        patched.setattr(room.asyncio, "sleep", sleep)
        await desk.server.cancel(view.id)
    assert waits == [pytest.approx(START_WITHIN.total_seconds() - 0.1)]
    kit.time.advance(1)
    await asyncio.wait_for(desk.server.cancel(view.id), 2)
    assert (await kit.task(task)).cancel_requested


async def test_readiness_names_what_does_not_answer(kit: StoreKit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_PROBE_SECONDS", 0.05)

    async def hangs() -> None:
        await asyncio.Event().wait()

    async def well() -> None:
        return None

    async def ill() -> str:
        return "no worker is connected"

    async def broken() -> None:
        raise KeyError

    desk = Desk(kit, scheduler=hangs, mongodb=well, workers=ill, gateway=broken, other=hangs)
    readiness = await asyncio.wait_for(desk.server.readiness(), 2)
    assert not readiness.ready
    hanging = "no answer within 0.05 s"
    assert readiness.reasons == {
        "scheduler": hanging,
        "workers": "no worker is connected",
        "gateway": "KeyError()",
        "other": hanging,
    }
    assert (await Desk(kit, mongodb=well).server.readiness()).ready


async def test_the_metrics_carry_the_actor(desk: Desk) -> None:
    await desk.server.submit(SPEC)
    assert b'karya_jobs_submitted_total{actor="server"} 1.0' in await desk.server.metrics()
