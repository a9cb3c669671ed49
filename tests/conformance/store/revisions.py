"""What every `Lifecycle` must do when a job is changed."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

import orjson
import pytest

from karya.core.action import Action, NoopAction, RestAction
from karya.core.errors import Conflict, InvalidInput, NotFound
from karya.core.hint import hint_of
from karya.core.ids import new_id
from karya.core.job import Job, JobState
from karya.core.misfire import SkipRange
from karya.core.occurrence import occurrence_tasks, triggered
from karya.core.ports import Submission
from karya.core.ports.lifecycle import Revise, Skipped
from karya.core.remaking import REPLACED_REASON
from karya.core.revision import merged, revised
from karya.core.schedule import Once
from karya.core.spec import spec_model
from karya.core.task import Task, TaskState
from karya.core.trace import Trace
from tests.conformance.store.kit import TTL, StoreKit
from tests.conformance.store.lifecycle import Told
from tests.support.story import (
    NOW,
    ON_COMPLETION,
    a_job,
    another_task,
    at,
    due,
    every,
    first_task,
    retry,
    step,
    submission,
    succeed,
    tasks_of,
)

SPEC = spec_model([NoopAction, RestAction])
REST: Action = RestAction(url="http://127.0.0.1/new")
LARGE: Action = RestAction(url="http://127.0.0.1/new", body="x" * 900_000)
OTHER = {"type": "rest", "url": "http://127.0.0.1/new"}


def to(now: datetime = NOW, **changes: Any) -> Revise:
    """What the server makes of a client's changes."""

    def revise(job: Job) -> Job:
        return revised(job, SPEC.model_validate(merged(job, changes)), now)

    return revise


def interval(seconds: float, **fields: Any) -> dict[str, Any]:
    return {"kind": "interval", "every": f"PT{seconds}S", **fields}


def asked_for(job: Job, count: int) -> list[Task]:
    """Triggered, a second apart."""
    return [task for n in range(count) for task in occurrence_tasks(job, triggered(f"r{n}", at(n)), NOW)]


class RevisionsConformance(Told):
    """Changing a job."""

    async def test_what_waits_follows_the_new_version(self, kit: StoreKit) -> None:
        job = await self.stored(kit, a_job(every(1, max_runs=9), description="old"))
        new = await kit.lifecycle.update(job.id, to(at(0.5), action=OTHER, tags=["x"]), at(0.5))
        assert new == await self.job(kit, job)
        assert (new.version, new.updated_at, new.description, new.tags) == (2, at(0.5), "old", ("x",))
        assert new.cursor == job.cursor
        (task,) = await self.steps(kit, job)
        assert task.id == first_task(job).id
        assert (task.job_version, task.instant, task.count, task.recurring) == (2, at(1), 1, True)
        assert task.action == REST.model_dump_json()
        (change,) = (await kit.history_of(job.id)).changes
        assert (change.kind, change.version, change.at) == ("updated", 2, at(0.5))
        assert orjson.loads(change.before or "") == job.spec()

    async def test_a_hint_about_the_old_version_claims_nothing(self, kit: StoreKit) -> None:
        job = await self.stored(kit, a_job())
        old = hint_of(first_task(job))
        await kit.lifecycle.update(job.id, to(action=OTHER), NOW)
        await kit.lifecycle.update(job.id, to(action={"type": "noop"}), NOW)
        assert not await kit.claims.claim([old], "w", TTL)
        claim = await kit.claim(first_task(job))
        assert claim.hint.token > old.token

    async def test_what_runs_finishes_with_the_old_version(self, kit: StoreKit) -> None:
        job = await self.stored(kit, a_job(every(1), steps=[step("a"), step("b", "a")]))
        kit.time.now = at(1)
        claim = await kit.claim(first_task(job))
        await kit.lifecycle.update(job.id, to(at(1), action=OTHER), at(1))
        await kit.commit(claim, retry(due_at=at(2)))
        tasks = [(task.step, task.job_version) for task in await self.steps(kit, job)]
        assert tasks == [("a", 1), ("b", 1)]
        kit.agenda.extend([due(first_task(job))], at(1.5), at(1))
        following = (await self.steps(kit, job))[2:]
        assert [(task.step, task.job_version, task.instant) for task in following] == [("main", 2, at(2))]

    async def test_steps_take_the_place_of_an_action_and_back(self, kit: StoreKit) -> None:
        job = await self.stored(kit, a_job())
        steps = [{"name": "a", "action": OTHER}, {"name": "b", "action": OTHER, "after": ["a"]}]
        assert not (await kit.lifecycle.update(job.id, to(steps=steps), NOW)).single
        assert [task.step for task in await self.steps(kit, job)] == ["a", "b"]
        assert (await kit.lifecycle.update(job.id, to(action=OTHER), NOW)).single
        assert [task.step for task in await self.steps(kit, job)] == ["main"]

    async def test_another_interval_keeps_the_anchor_and_the_count(self, kit: StoreKit) -> None:
        job = await self.stored(kit, a_job(every(10, max_runs=9)))
        kit.agenda.extend([due(first_task(job))], at(15), NOW)
        kit.time.now = at(10)
        await kit.claim(first_task(job))
        new = await kit.lifecycle.update(job.id, to(at(11), schedule=interval(4, max_runs=9)), at(11))
        assert (new.cursor.at, new.cursor.count) == (at(12), 2)
        assert await self.states(kit, job) == [(10, "RUNNING", False), (12, "READY", False)]

    async def test_what_is_due_stays_where_the_new_schedule_has_its_instant(self, kit: StoreKit) -> None:
        job = await self.stored(kit, a_job(every(1)))
        kit.agenda.extend([due(first_task(job))], at(5.5), NOW)
        new = await kit.lifecycle.update(job.id, to(at(4.5), schedule=interval(2)), at(4.5))
        assert (new.cursor.at, new.cursor.count) == (at(6), 5)
        tasks = await self.steps(kit, job)
        assert [(t.instant, t.count, t.job_version, t.reason) for t in tasks] == [
            (at(1), 1, 1, REPLACED_REASON),
            (at(2), 2, 2, None),
            (at(3), 3, 1, REPLACED_REASON),
            (at(4), 4, 2, None),
            (at(6), 5, 2, None),
        ]

    async def test_what_came_in_an_outage_is_on_record_when_another_schedule_comes(
        self, kit: StoreKit
    ) -> None:
        """The chain has come to 1 when the scheduler goes; 2 to 7 have passed when the job is changed."""
        job = await self.stored(kit, a_job(every(1, max_runs=20)))
        kit.time.now = at(1)
        await kit.commit(await kit.claim(first_task(job)), succeed())
        new = await kit.lifecycle.update(job.id, to(at(7.5), schedule=interval(4, max_runs=20)), at(7.5))
        assert (new.cursor.at, new.cursor.count) == (at(8), 8)
        assert await self.states(kit, job) == [(1, "SUCCEEDED", False), (8, "READY", False)]
        (skipped,) = (await kit.history_of(job.id)).skipped
        assert skipped == Skipped(SkipRange(at(2), at(7), 6, REPLACED_REASON), at(7.5))
        assert await kit.hooks_of(job.id) == []

    async def test_where_only_the_bounds_change_the_chain_goes_on_behind_an_outage(
        self, kit: StoreKit
    ) -> None:
        job = await self.stored(kit, a_job(every(1)))
        kit.time.now = at(1)
        await kit.commit(await kit.claim(first_task(job)), succeed())
        bounded = interval(1, max_runs=5, end_at="2026-11-24T00:00:00Z")
        new = await kit.lifecycle.update(job.id, to(at(3.5), schedule=bounded), at(3.5))
        assert (new.cursor.at, new.cursor.count) == (at(2), 2)
        assert (await kit.history_of(job.id)).skipped == []
        made = [task for task in await self.steps(kit, job) if task.instant == at(2)]
        kit.agenda.extend([due(task) for task in made], at(9), at(3.5))
        assert [second for second, _, _ in await self.states(kit, job)] == [1, 2, 3, 4, 5]
        assert (await self.job(kit, job)).cursor.exhausted

    async def test_bounds_that_leave_no_room_for_what_came_skip_it(self, kit: StoreKit) -> None:
        job = await self.stored(kit, a_job(every(1)))
        kit.time.now = at(1)
        await kit.commit(await kit.claim(first_task(job)), succeed())
        new = await kit.lifecycle.update(job.id, to(at(5.5), schedule=interval(1, max_runs=3)), at(5.5))
        assert (new.cursor.count, new.cursor.exhausted) == (5, True)
        (skipped,) = (await kit.history_of(job.id)).skipped
        assert skipped.range == SkipRange(at(2), at(5), 4, REPLACED_REASON)

    async def test_a_last_run_takes_the_place_of_what_came(self, kit: StoreKit) -> None:
        job = await self.stored(kit, a_job(every(2)))
        once = {"kind": "once", "at": "2026-11-23T08:01:00Z"}
        new = await kit.lifecycle.update(job.id, to(at(5), schedule=once), at(5))
        assert (new.cursor.at, new.cursor.count, new.cursor.exhausted) == (at(60), 3, True)
        assert await self.states(kit, job) == [(2, "SKIPPED", False), (60, "READY", False)]
        (skipped,) = (await kit.history_of(job.id)).skipped
        assert skipped.range == SkipRange(at(4), at(4), 1, REPLACED_REASON)

    async def test_a_last_run_may_be_one_that_came(self, kit: StoreKit) -> None:
        job = await self.stored(kit, a_job(every(2)))
        once = {"kind": "once", "at": "2026-11-23T08:00:06Z"}
        await kit.lifecycle.update(job.id, to(at(9), schedule=once), at(9))
        assert (await self.job(kit, job)).cursor.count == 4
        assert await self.states(kit, job) == [(2, "SKIPPED", False), (6, "READY", False)]
        ranges = [skipped.range for skipped in (await kit.history_of(job.id)).skipped]
        assert [(run.first, run.last) for run in ranges] == [(at(8), at(8)), (at(4), at(4))]

    async def test_what_passed_in_a_pause_is_on_record_when_another_schedule_comes(
        self, kit: StoreKit
    ) -> None:
        job = await self.stored(kit, a_job(every(2)))
        await kit.lifecycle.pause(job.id, at(1))
        await kit.lifecycle.update(job.id, to(at(7), schedule=interval(5)), at(7))
        await kit.lifecycle.resume(job.id, at(8))
        assert await self.states(kit, job) == [(2, "SKIPPED", True), (10, "READY", False)]
        (skipped,) = (await kit.history_of(job.id)).skipped
        assert skipped.range == SkipRange(at(4), at(6), 2, REPLACED_REASON)

    async def test_an_instant_counts_once_though_the_schedule_changes_to_and_fro(self, kit: StoreKit) -> None:
        """10 is skipped on request, then met by a schedule that has it, too, and by the first one again."""
        job = await self.stored(kit, a_job(every(10, max_runs=4)))
        await kit.lifecycle.skip_next(job.id, NOW)
        await kit.lifecycle.update(job.id, to(schedule=interval(5, max_runs=4)), NOW)
        assert (await self.job(kit, job)).cursor.count == 1
        new = await kit.lifecycle.update(job.id, to(schedule=interval(10, max_runs=4)), NOW)
        assert (new.cursor.at, new.cursor.count) == (at(20), 2)
        new = await kit.lifecycle.update(job.id, to(schedule=interval(5, max_runs=4)), NOW)
        (first,) = [task for task in await self.steps(kit, job) if task.instant == at(5)]
        kit.agenda.extend([due(first)], at(99), at(5))
        cursor = (await self.job(kit, job)).cursor
        assert (cursor.at, cursor.count, cursor.exhausted) == (at(20), 4, True)
        assert await self.states(kit, job) == [
            (5, "READY", False),
            (10, "SKIPPED", False),
            (15, "READY", False),
            (20, "READY", False),
        ]

    async def test_an_instant_that_no_chain_comes_to_counts_once(self, kit: StoreKit) -> None:
        """10 is skipped on request, and is no instant of the schedules that follow, until the last one."""
        job = await self.stored(kit, a_job(every(10)))
        await kit.lifecycle.skip_next(job.id, NOW)
        for seconds in (4, 3, 4):
            new = await kit.lifecycle.update(job.id, to(schedule=interval(seconds)), NOW)
            assert (new.cursor.at, new.cursor.count) == (at(seconds), 2)
        new = await kit.lifecycle.update(job.id, to(schedule=interval(5)), NOW)
        assert (new.cursor.at, new.cursor.count) == (at(5), 1)
        once = {"kind": "once", "at": "2026-11-23T08:01:00Z"}
        new = await kit.lifecycle.update(job.id, to(schedule=once), NOW)
        assert new.cursor.count == 2

    async def test_a_job_at_its_end_counts_what_lay_ahead_once(self, kit: StoreKit) -> None:
        """Its last instant stands for another run, as it was skipped; then there is room for more."""
        job = await self.stored(kit, a_job(every(10)))
        await kit.lifecycle.skip_next(job.id, NOW)
        await kit.lifecycle.trigger(job.id, new_id(NOW), NOW)
        for _ in range(2):
            bounded = interval(10, max_runs=1)
            assert (await kit.lifecycle.update(job.id, to(schedule=bounded), NOW)).cursor.exhausted
            bounded = interval(10, max_runs=2)
            new = await kit.lifecycle.update(job.id, to(schedule=bounded), NOW)
            assert (new.cursor.at, new.cursor.count, new.cursor.exhausted) == (at(20), 2, True)

    async def test_what_was_skipped_on_request_lies_in_no_range(self, kit: StoreKit) -> None:
        """The chain of a schedule that came after the request is behind, and has not met that instant."""
        job = await self.stored(kit, a_job(every(10)))
        await kit.lifecycle.skip_next(job.id, NOW)
        await kit.lifecycle.update(job.id, to(schedule=interval(5)), NOW)
        new = await kit.lifecycle.update(job.id, to(at(17), schedule=interval(4)), at(17))
        assert (new.cursor.at, new.cursor.count) == (at(20), 4)
        assert await self.states(kit, job) == [
            (5, "SKIPPED", False),
            (10, "SKIPPED", False),
            (20, "READY", False),
        ]
        (skipped,) = (await kit.history_of(job.id)).skipped
        assert skipped.range == SkipRange(at(15), at(15), 1, REPLACED_REASON)

    async def test_fewer_runs_than_there_were_exhaust_the_job(self, kit: StoreKit) -> None:
        job = await self.stored(kit, a_job(every(1), ON_COMPLETION))
        kit.agenda.extend([due(first_task(job))], at(1.5), NOW)
        kit.time.now = at(1)
        await kit.commit(await kit.claim(first_task(job)), succeed())
        new = await kit.lifecycle.update(job.id, to(at(1.5), schedule=interval(1, max_runs=1)), at(1.5))
        assert (new.cursor.count, new.cursor.exhausted) == (1, True)
        assert [state for _, state, _ in await self.states(kit, job)] == ["SUCCEEDED"]
        await kit.jobs.settle([job.id], at(2))
        assert (await self.job(kit, job)).status is JobState.COMPLETED

    async def test_a_later_run_counts_once_though_an_earlier_one_waits(self, kit: StoreKit) -> None:
        """1 waits, 2 has run: there is no room for 3, and later there is again."""
        job = await self.stored(kit, a_job(every(1)))
        kit.agenda.extend([due(first_task(job))], at(2.5), NOW)
        kit.time.now = at(2)
        await kit.commit(await kit.claim((await self.steps(kit, job))[1]), succeed())
        for most, count, exhausted in ((2, 2, True), (3, 3, True), (2, 2, True), (4, 3, False)):
            new = await kit.lifecycle.update(
                job.id, to(at(2.5), schedule=interval(1, max_runs=most)), at(2.5)
            )
            assert (new.cursor.count, new.cursor.exhausted) == (count, exhausted)
        assert [state for _, state, _ in await self.states(kit, job)] == ["READY", "SUCCEEDED", "READY"]

    async def test_a_job_on_its_last_run_gets_further_ones(self, kit: StoreKit) -> None:
        job = await self.stored(kit, a_job(every(1, max_runs=1)))
        kit.time.now = at(1)
        claim = await kit.claim(first_task(job))
        new = await kit.lifecycle.update(job.id, to(at(1.5), schedule=interval(1, max_runs=3)), at(1.5))
        assert (new.cursor.at, new.cursor.count, new.cursor.exhausted) == (at(2), 2, False)
        await kit.commit(claim, succeed())
        await kit.jobs.settle([job.id], at(2))
        assert (await self.job(kit, job)).status is JobState.ACTIVE

    async def test_a_job_that_runs_once_gets_another_time(self, kit: StoreKit) -> None:
        job = await self.stored(kit, a_job(Once(at=at(60))))
        new = await kit.lifecycle.update(job.id, to(schedule={"kind": "once", "after": "PT90S"}), at(5))
        assert (new.cursor.at, new.cursor.exhausted) == (at(90), True)
        (task,) = await self.steps(kit, job)
        assert (task.instant, task.due_at, task.solo) == (at(90), at(90), True)

    async def test_a_job_that_ran_once_does_not(self, kit: StoreKit) -> None:
        job = await self.stored(kit, a_job())
        await kit.claim(first_task(job))
        with pytest.raises(Conflict, match="has run already"):
            await kit.lifecycle.update(job.id, to(schedule=interval(1)), NOW)
        assert (await kit.lifecycle.update(job.id, to(description="mind this"), NOW)).version == 2

    async def test_an_instant_that_was_skipped_on_request_stays_skipped(self, kit: StoreKit) -> None:
        job = await self.stored(kit, a_job(every(10)))
        await kit.lifecycle.skip_next(job.id, NOW)
        new = await kit.lifecycle.update(job.id, to(schedule=interval(5)), NOW)
        assert await self.states(kit, job) == [(5, "READY", False), (10, "SKIPPED", False)]
        new = await kit.lifecycle.update(job.id, to(schedule=interval(2)), at(9))
        assert new.cursor.at == at(12)
        assert next(new.ahead(at(9))) == at(12)

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"schedule": interval(1, end_at="2026-11-23T07:00:00Z")}, "schedule"),
            ({"schedule": interval(1, exclude=["2026-11-23"], end_at="2026-11-23T20:00:00Z")}, "schedule"),
            ({"user_id": "bob"}, "user_id"),
            ({"steps": [{"name": "a", "action": OTHER, "after": ["b"]}]}, "steps.0.after.0"),
        ],
    )
    async def test_an_invalid_change_changes_nothing(
        self, kit: StoreKit, changes: dict[str, Any], field: str
    ) -> None:
        job = await self.stored(kit, a_job(every(1), user_id="ann"))
        before = await self.steps(kit, job)
        with pytest.raises(InvalidInput) as refused:
            await kit.lifecycle.update(job.id, to(**changes), NOW)
        assert [error.field for error in refused.value.errors] == [field]
        assert await self.job(kit, job) == job
        assert await self.steps(kit, job) == before
        assert await self.kinds(kit, job) == []

    async def test_a_paused_job_is_changed_and_stays_paused(self, kit: StoreKit) -> None:
        job = await self.stored(kit, a_job(every(10)))
        await kit.lifecycle.pause(job.id, NOW)
        new = await kit.lifecycle.update(job.id, to(schedule=interval(4)), NOW)
        assert new.status is JobState.PAUSED
        assert await self.states(kit, job) == [(4, "READY", True)]
        await kit.lifecycle.resume(job.id, at(1))
        assert await self.states(kit, job) == [(4, "READY", False)]

    async def test_what_waits_for_the_slot_is_made_anew_and_goes_on_waiting(self, kit: StoreKit) -> None:
        job = a_job(every(1), overlap="queue")
        slotted = job.model_copy(update={"slot": "trigger:x", "queued": first_task(job).cause})
        await kit.add(Submission(slotted, (first_task(job).model_copy(update={"held": True}),)))
        new = await kit.lifecycle.update(job.id, to(action=OTHER), NOW)
        assert (new.slot, new.queued) == ("trigger:x", first_task(job).cause)
        assert [(task.held, task.job_version) for task in await self.steps(kit, job)] == [(True, 2)]
        new = await kit.lifecycle.update(job.id, to(overlap="allow"), NOW)
        assert (new.slot, new.queued) == ("trigger:x", None)
        assert [(task.held, task.slotted) for task in await self.steps(kit, job)] == [(False, False)]

    async def test_what_holds_the_slot_is_about_to_run(self, kit: StoreKit) -> None:
        job = a_job(every(1), overlap="skip")
        await kit.add(submission(job.model_copy(update={"slot": first_task(job).cause})))
        await kit.lifecycle.update(job.id, to(action=OTHER), NOW)
        assert [task.job_version for task in await self.steps(kit, job)] == [1]
        with pytest.raises(Conflict):
            await kit.lifecycle.skip_next(job.id, NOW)

    async def test_what_waits_moves_to_another_pool(self, kit: StoreKit) -> None:
        job = await self.stored(kit, a_job(every(1), steps=[step("a"), step("b", "a", pool="large")]))
        new = await kit.lifecycle.update(job.id, to(pool="gpu"), NOW)
        assert new.pool == "gpu"
        assert [task.pool for task in await self.steps(kit, job)] == ["gpu", "large"]
        assert not kit.agenda.due(at(9), None, 9)
        (moved,) = kit.agenda.due(at(9), None, 9, "gpu")
        assert [task.hint.pool for task in kit.agenda.extend([moved], at(2), NOW).made] == ["gpu"]

    async def test_a_triggered_occurrence_follows_the_new_version_until_it_is_claimed(
        self, kit: StoreKit
    ) -> None:
        job = await self.stored(kit, a_job(every(10)))
        (claimed,) = await kit.lifecycle.trigger(job.id, new_id(NOW), NOW)
        await kit.claim(claimed)
        running = await kit.task(claimed)
        trace = Trace(parent=f"00-{1:032x}-{1:016x}-01")
        (waiting,) = await kit.lifecycle.trigger(job.id, new_id(NOW), NOW, trace)
        await kit.lifecycle.update(job.id, to(at(2), action=OTHER), at(2))
        assert await kit.task(claimed) == running
        made_again = await kit.task(waiting)
        assert (made_again.job_version, made_again.action) == (2, REST.model_dump_json())
        assert (made_again.cause, made_again.instant, made_again.due_at) == (waiting.cause, NOW, at(2))
        assert made_again.trace == trace

    async def test_a_triggered_occurrence_of_a_paused_job_stays_held(self, kit: StoreKit) -> None:
        job = await self.stored(kit, a_job(every(10)))
        (triggered,) = await kit.lifecycle.trigger(job.id, new_id(NOW), NOW)
        await kit.lifecycle.pause(job.id, NOW)
        await kit.lifecycle.update(job.id, to(action=OTHER), NOW)
        assert [(task.job_version, task.held) for task in await self.steps(kit, job)] == [(2, True)] * 2
        await kit.lifecycle.resume(job.id, NOW)
        assert not (await kit.task(triggered)).held

    @pytest.mark.parametrize(("scheduled", "asked", "anew"), [(1, 11, [1, 8]), (11, 2, [9, 1])])
    async def test_no_more_are_made_anew_than_one_transaction_bears(
        self, kit: StoreKit, scheduled: int, asked: int, anew: list[int]
    ) -> None:
        """Else a job with a long backlog could not be changed; what is left runs as it is."""
        job = a_job(every(1), action=LARGE)
        ours = tasks_of(job) + tuple(another_task(job, number) for number in range(1, scheduled))
        theirs = asked_for(job, asked)
        await kit.add(Submission(job, (*ours, *theirs)))
        before = await kit.task(theirs[-1])
        await kit.lifecycle.update(job.id, to(at(1), description="new"), at(1))
        for tasks, count in zip((ours, theirs), anew, strict=True):
            versions = [(await kit.task(task)).job_version for task in tasks]
            assert versions == [2] * count + [1] * (len(tasks) - count)
        assert await kit.task(theirs[-1]) == before
        kit.time.advance(60)
        await kit.claim(theirs[-1])

    @pytest.mark.parametrize("by_hand", [False, True])
    async def test_what_waits_for_the_slot_is_made_anew_however_many_wait(
        self, kit: StoreKit, by_hand: bool
    ) -> None:
        """Else nobody would let it go, once occurrences may overlap."""
        job = a_job(every(1), action=LARGE, overlap="queue")
        ours = tasks_of(job) + tuple(another_task(job, number) for number in range(1, 11))
        theirs = asked_for(job, 3)
        queued = (theirs if by_hand else ours)[-1].model_copy(update={"held": True})
        waiting = [queued if task.id == queued.id else task for task in (*ours, *theirs)]
        slotted = job.model_copy(update={"slot": "trigger:x", "queued": queued.cause})
        await kit.add(Submission(slotted, tuple(waiting)))
        new = await kit.lifecycle.update(job.id, to(overlap="allow"), NOW)
        task = await kit.task(queued)
        assert (new.queued, task.job_version, task.held) == (None, 2, False)
        versions = [each.job_version for each in await self.steps(kit, job)]
        assert versions.count(2) == 9 + 1

    async def test_what_is_not_there_or_has_ended(self, kit: StoreKit) -> None:
        with pytest.raises(NotFound):
            await kit.lifecycle.update("x", to(), NOW)
        job = await self.stored(kit, a_job())
        await kit.jobs.complete_solo([job.id], NOW)
        with pytest.raises(Conflict, match="is completed"):
            await kit.lifecycle.update(job.id, to(), NOW)

    async def test_many_changes_at_once_are_made_one_after_the_other(self, kit: StoreKit) -> None:
        job = await self.stored(kit, a_job(every(1)))
        changes = [to(description=f"number {number}") for number in range(6)]
        await asyncio.gather(*(kit.lifecycle.update(job.id, change, NOW) for change in changes))
        assert (await self.job(kit, job)).version == 7
        assert [change.version for change in (await kit.history_of(job.id)).changes] != []
        assert sorted(change.version for change in (await kit.history_of(job.id)).changes) == [*range(2, 8)]
        (task,) = await self.steps(kit, job)
        assert task.job_version == 7

    async def test_a_change_and_a_claim_at_once(self, kit: StoreKit) -> None:
        """Whoever wins: what runs is what the task says, and a claimed one is left alone."""
        for _ in range(10):
            job = await self.stored(kit, a_job(every(1)))
            kit.time.now = at(1)
            _, claimed = await asyncio.gather(
                kit.lifecycle.update(job.id, to(at(1), action=OTHER), at(1)),
                kit.claims.claim([hint_of(first_task(job))], "w", TTL),
            )
            task = await kit.task(first_task(job))
            assert task.job_version == (1 if claimed else 2)
            assert task.status is (TaskState.RUNNING if claimed else TaskState.READY)
            assert (task.action == REST.model_dump_json()) is not bool(claimed)

    @pytest.mark.parametrize("seconds", [1, 2])
    async def test_a_change_and_the_chain_at_once_make_neither_gap_nor_double(
        self, kit: StoreKit, seconds: int
    ) -> None:
        stalled: Callable[..., Any] = kit.agenda.stalled
        for _ in range(10):
            job = await self.stored(kit, a_job(every(1)))
            extend = asyncio.to_thread(kit.agenda.extend, [due(first_task(job))], at(4.5), NOW)
            await asyncio.gather(kit.lifecycle.update(job.id, to(schedule=interval(seconds)), NOW), extend)
            await asyncio.to_thread(stalled, at(60), NOW, 99)
            states = await self.states(kit, job)
            stored = await self.job(kit, job)
            wanted = [seconds * (n + 1.0) for n in range(len(states))]
            assert [instant for instant, *_ in states] == wanted
            assert (stored.cursor.count, stored.cursor.at) == (len(states), at(wanted[-1]))
            await kit.jobs.cancel(job.id, NOW)
