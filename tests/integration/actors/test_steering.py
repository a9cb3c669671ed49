"""The server cancels, pauses, resumes, triggers, skips and changes jobs, on the real store."""

import asyncio
from datetime import datetime

import pytest

from karya.actors.submitter import Submitter
from karya.core.action import Action
from karya.core.errors import Conflict, InvalidInput, NotFound
from karya.core.ids import fixed_id, new_id
from karya.core.job import Job, JobState
from karya.core.task import START_WITHIN, TaskKind, TaskState
from karya.core.times import EPOCH
from karya.core.views import ChangeView, JobView
from tests.conformance.store.kit import StoreKit
from tests.integration.actors.counter import Counter, every, spec, waits_of
from tests.support.away import Away
from tests.support.held_clock import HeldClock
from tests.support.mongo import Mongo
from tests.support.story import NOW, at, succeed

HOOK = {"trigger": "ON_CANCELLED", "action": {"type": "noop"}}
AT_ONCE = START_WITHIN.total_seconds()


@pytest.fixture
def counter(kit: StoreKit, mongo: Mongo) -> Counter:
    return Counter(kit, mongo)


class Family:
    """Jobs that submit others, as chained actions do."""

    def __init__(self, kit: StoreKit, max_depth: int = 3) -> None:
        self.pokes: list[datetime] = []
        self.refusal: str | None = None
        self.submitter = Submitter(
            kit.jobs, kit.tasks, HeldClock(kit.time), self.refuse, self.pokes.append, max_depth=max_depth
        )

    def refuse(self, _: Action) -> str | None:
        return self.refusal

    async def child(self, parent: Job | JobView, name: str = "child") -> Job:
        return await self.submitter.submit(spec(hooks=[HOOK]), parent.id, fixed_id(NOW, parent.id, name))


@pytest.fixture
def family(kit: StoreKit) -> Family:
    return Family(kit)


async def states_of(kit: StoreKit, job_id: str) -> list[TaskState]:
    return [task.status for task in await kit.tasks_of(job_id) if task.kind is TaskKind.STEP]


async def test_a_cancel_ends_job_and_task_at_once_when_nothing_runs(counter: Counter, kit: StoreKit) -> None:
    view = await counter.server.submit(spec())
    for _ in range(2):
        cancelled = await asyncio.wait_for(counter.server.cancel(view.id), 30)
        assert (cancelled.status, cancelled.finished_at) == (JobState.CANCELLED, NOW)
        kit.time.advance(1)
    assert await states_of(kit, view.id) == [TaskState.CANCELLED]
    assert counter.says("karya_jobs_cancelled_total") == 1


async def test_a_completed_job_cannot_be_cancelled(counter: Counter, kit: StoreKit) -> None:
    view = await counter.server.submit(spec())
    (task,) = await kit.tasks_of(view.id)
    await kit.commit(await kit.claim(task), succeed())
    await kit.jobs.complete_solo([view.id], NOW)
    with pytest.raises(Conflict):
        await counter.server.cancel(view.id)


@pytest.mark.parametrize("verb", ["cancel", "pause"])
async def test_the_answer_waits_until_no_claimed_task_can_start(
    counter: Counter, kit: StoreKit, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    view = await counter.server.submit(spec())
    (task,) = await kit.tasks_of(view.id)
    await kit.claim(task)
    kit.time.advance(0.1)
    waits = waits_of(monkeypatch)
    await getattr(counter.server, verb)(view.id)
    assert waits == [pytest.approx(AT_ONCE - 0.1)]
    kit.time.advance(1)
    await getattr(counter.server, verb)(view.id)
    assert len(waits) == 1, "it was claimed long ago: it has started, or its worker asks first"
    stored = await kit.task(task)
    assert (stored.cancel_requested, stored.held) == (verb == "cancel", verb == "pause")


async def test_the_answer_to_an_update_waits_until_nothing_can_start_as_it_was(
    counter: Counter, kit: StoreKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = await counter.server.submit(spec())
    (task,) = await kit.tasks_of(view.id)
    waits = waits_of(monkeypatch)
    await counter.server.update(view.id, {"description": "unclaimed"})
    assert waits == []
    await kit.claim(await kit.task(task))
    await counter.server.update(view.id, {"description": "claimed"})
    assert waits == [pytest.approx(AT_ONCE)]


async def test_a_cancel_reaches_all_descendants_paused_ones_too(
    counter: Counter, family: Family, kit: StoreKit
) -> None:
    root, other = await counter.server.submit(spec()), await counter.server.submit(spec())
    child = await family.child(root)
    grandchild = await family.child(child)
    paused, stranger = await family.child(root, "paused"), await family.child(other)
    await counter.server.pause(paused.id)
    await counter.server.cancel(root.id)
    for job in (child, grandchild, paused):
        assert (await counter.server.get(job.id)).status is JobState.CANCELLED
        assert await states_of(kit, job.id) == [TaskState.CANCELLED]
        assert len(await kit.hooks_of(job.id)) == 1
    assert (await counter.server.get(stranger.id)).status is JobState.ACTIVE
    assert counter.says("karya_jobs_cancelled_total") == 4


async def test_a_cancel_that_died_half_way_is_completed_by_the_next(
    counter: Counter, family: Family, kit: StoreKit
) -> None:
    root = await counter.server.submit(spec())
    child, late = await family.child(root), await family.child(root, "late")
    await kit.jobs.cancel(root.id, NOW)
    await kit.jobs.cancel(child.id, NOW)
    await counter.server.cancel(root.id)
    for job in (root, child, late):
        assert await states_of(kit, job.id) == [TaskState.CANCELLED]


async def test_a_descendant_that_has_completed_stays_so(
    counter: Counter, family: Family, kit: StoreKit
) -> None:
    root = await counter.server.submit(spec())
    child = await family.child(root)
    (task,) = await kit.tasks_of(child.id)
    await kit.commit(await kit.claim(task), succeed())
    await kit.jobs.settle([child.id], NOW)
    await counter.server.cancel(root.id)
    assert (await counter.server.get(child.id)).status is JobState.COMPLETED


async def test_a_cancel_of_a_completed_jobs_descendants_may_be_asked_for_again(
    counter: Counter, family: Family, kit: StoreKit
) -> None:
    """One whose answer was lost has cancelled them: the next is not refused as if nothing had been there."""
    root = await counter.server.submit(spec())
    child = await family.child(root)
    (task,) = await kit.tasks_of(root.id)
    await kit.commit(await kit.claim(task), succeed())
    await kit.jobs.settle([root.id], NOW)
    for _ in range(2):
        assert (await counter.server.cancel(root.id)).status is JobState.COMPLETED
        assert (await counter.server.get(child.id)).status is JobState.CANCELLED


async def test_a_child_belongs_to_its_parent_and_is_stored_once(
    counter: Counter, family: Family, kit: StoreKit
) -> None:
    root = await counter.server.submit(spec())
    child = await family.child(root)
    assert (await family.child(root)).id == child.id
    assert await kit.jobs.get(child.id) == child
    assert (child.parent_id, child.ancestors, child.created_at) == (root.id, (root.id,), NOW)
    assert family.pokes == [NOW, NOW]
    assert len(await kit.tasks_of(child.id)) == 1


async def test_what_may_not_be_a_child(counter: Counter, kit: StoreKit) -> None:
    family = Family(kit, max_depth=1)
    root = await counter.server.submit(spec())
    child = await family.child(root)
    with pytest.raises(Conflict, match="1 submissions deep"):
        await family.child(child)
    family.refusal = "not here"
    with pytest.raises(InvalidInput, match="action: not here"):
        await family.child(root, "other")
    with pytest.raises(NotFound):
        await family.submitter.submit(spec(), "x", new_id(NOW))
    await counter.server.cancel(root.id)
    family.refusal = None
    with pytest.raises(Conflict, match="is cancelled"):
        await family.child(root, "late")


async def test_a_child_that_is_stored_behind_the_back_of_a_cancel_cancels_itself(
    counter: Counter, family: Family, kit: StoreKit
) -> None:
    root = await counter.server.submit(spec())
    child = await family.child(root)
    away = Away(kit.jobs, "submit")
    family.submitter._jobs = away  # type: ignore[assignment]
    away.open.clear()
    submitting = asyncio.create_task(family.child(child))
    while not away.calls:
        await asyncio.sleep(0)
    await counter.server.cancel(root.id)
    away.open.set()
    with pytest.raises(Conflict, match="cancelled meanwhile"):
        await submitting
    stored = await kit.jobs.get(fixed_id(NOW, child.id, "child"))
    assert stored is not None
    assert stored.status is JobState.CANCELLED
    assert await states_of(kit, stored.id) == [TaskState.CANCELLED]


async def test_one_who_is_stopped_while_he_stores_a_child_still_heeds_the_cancel(
    counter: Counter, family: Family, kit: StoreKit
) -> None:
    """The cancel of a job stops the attempt that submits, and has not seen what that one just stores."""
    root = await counter.server.submit(spec())
    away = Away(kit.jobs, "submit")
    family.submitter._jobs = away  # type: ignore[assignment]
    away.open.clear()
    submitting = asyncio.create_task(family.child(root))
    while not away.calls:
        await asyncio.sleep(0)
    await counter.server.cancel(root.id)
    submitting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await submitting
    away.open.set()
    (storing,) = family.submitter._storing
    with pytest.raises(Conflict, match="cancelled meanwhile"):
        await storing
    assert await states_of(kit, fixed_id(NOW, root.id, "child")) == [TaskState.CANCELLED]


async def test_many_children_and_a_cancel_at_once_leave_nothing_active(
    counter: Counter, family: Family, kit: StoreKit
) -> None:
    root = await counter.server.submit(spec())
    children = [family.child(root, str(number)) for number in range(30)]
    await asyncio.gather(
        *children[:15], counter.server.cancel(root.id), *children[15:], return_exceptions=True
    )
    assert not await kit.jobs.descendants(root.id, {JobState.ACTIVE}, None, 99)
    assert {task.hint.kind for task in kit.agenda.due(at(9), None, 99)} <= {TaskKind.HOOK}


async def test_a_job_is_paused_and_resumed(counter: Counter, kit: StoreKit) -> None:
    job = await counter.server.submit(spec(schedule=every(10)))
    paused = await counter.server.pause(job.id)
    assert (paused.status, paused.paused_at, paused.next_at) == (JobState.PAUSED, NOW, None)
    kit.time.advance(25)
    resumed = await counter.server.resume(job.id)
    assert (resumed.status, resumed.paused_at, resumed.next_at) == (JobState.ACTIVE, None, at(30))
    assert counter.pokes[-1] == at(25)
    (skipped,) = (await counter.server.versions(job.id, cursor=None, limit=9)).skipped
    assert (skipped.first, skipped.last, skipped.count) == (at(20), at(20), 1)


async def test_a_job_that_has_nothing_left_completes_when_it_is_resumed(
    counter: Counter, kit: StoreKit
) -> None:
    job = await counter.server.submit(spec(schedule=every(10, max_runs=2)))
    await counter.server.pause(job.id)
    kit.time.advance(60)
    assert (await counter.server.resume(job.id)).status is JobState.COMPLETED


async def test_a_triggered_occurrence_is_told_of_and_poked(counter: Counter) -> None:
    job = await counter.server.submit(spec(schedule=every(10)))
    key = new_id(NOW)
    occurrence = await counter.server.trigger(job.id, key=key)
    assert (occurrence.cause, occurrence.instant) == (f"trigger:{key}", NOW)
    assert [task.status for task in occurrence.tasks] == [TaskState.READY]
    assert counter.pokes[-1] == NOW
    assert await counter.server.trigger(job.id, key=key) == occurrence
    assert (await counter.server.trigger(job.id)).cause != occurrence.cause


async def test_the_last_occurrence_that_is_skipped_completes_the_job(counter: Counter) -> None:
    job = await counter.server.submit(spec(schedule=every(10, max_runs=2)))
    first = await counter.server.skip_next(job.id)
    assert (first.instant, first.tasks[0].reason) == (at(10), "skipped on request")
    assert (await counter.server.get(job.id)).next_at == at(20)
    await counter.server.skip_next(job.id)
    assert (await counter.server.get(job.id)).status is JobState.COMPLETED


async def test_a_change_is_answered_poked_and_told_of_in_the_history(counter: Counter, kit: StoreKit) -> None:
    job = await counter.server.submit(spec(schedule=every(10), description="one"))
    kit.time.advance(1)
    changed = await counter.server.update(job.id, {"description": "two", "schedule": every(4)})
    assert (changed.version, changed.description, changed.next_at) == (2, "two", at(4))
    assert changed == await counter.server.get(job.id)
    assert counter.pokes[-1] == EPOCH, "what was made anew may have been due long ago"
    kit.time.advance(1)
    await counter.server.pause(job.id)
    kit.time.advance(1)
    await counter.server.update(job.id, {"description": "three"})
    entries = (await counter.server.versions(job.id, cursor=None, limit=9)).changes

    def told(entry: ChangeView) -> tuple[str, int, datetime, str | None]:
        return entry.kind, entry.version, entry.at, entry.spec and entry.spec["description"]

    assert [told(entry) for entry in entries] == [
        ("updated", 3, at(3), "three"),
        ("paused", 2, at(2), None),
        ("updated", 2, at(1), "two"),
        ("submitted", 1, NOW, "one"),
    ]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"colour": "red"}, "colour"),
        ({"schedule": {"kind": "interval", "every": "PT0S"}}, "schedule.every"),
        ({"schedule": None}, "schedule"),
        ({"action": {"type": "rest"}}, "action.url"),
        ({"action": {"type": "noop"}, "steps": [{"name": "a", "action": {"type": "noop"}}]}, "action"),
        ({"steps": []}, "action"),
        ({"user_id": "x"}, "user_id"),
        ({"tags": "x"}, "tags"),
    ],
)
async def test_a_bad_change_names_its_field_and_changes_nothing(
    counter: Counter, changes: dict[str, object], field: str
) -> None:
    job = await counter.server.submit(spec(schedule=every(10)))
    with pytest.raises(InvalidInput) as refused:
        await counter.server.update(job.id, changes)
    assert [error.field for error in refused.value.errors] == [field]
    assert await counter.server.get(job.id) == job


async def test_fewer_runs_than_there_were_complete_the_job(counter: Counter, kit: StoreKit) -> None:
    job = await counter.server.submit(spec(schedule=every(10, max_runs=9)))
    kit.time.advance(10)
    (task,) = await kit.tasks_of(job.id)
    await kit.commit(await kit.claim(task), succeed())
    changed = await counter.server.update(job.id, {"schedule": every(10, max_runs=1)})
    assert changed.status is JobState.COMPLETED
