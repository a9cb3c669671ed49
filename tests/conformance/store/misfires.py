"""What every `Agenda` must do with instants that it is shown too late."""

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest

from karya.core import misfire
from karya.core.hook import Trigger
from karya.core.job import Job, JobState
from karya.core.policies import Misfire, MisfirePolicy
from karya.core.ports import Extension, Gap
from karya.core.schedule import Cron, Interval, Once
from karya.core.task import Task, TaskState
from tests.conformance.store.agenda import seconds
from tests.conformance.store.kit import StoreKit
from tests.support.story import (
    NOW,
    ON_MISFIRE,
    a_job,
    at,
    due,
    every,
    first_task,
    step,
    submission,
    succeed,
    tasks_of,
)

SKIP = Misfire(policy=MisfirePolicy.SKIP)
LATEST = Misfire(policy=MisfirePolicy.LATEST)
ALL = Misfire()
SKIPPED, READY = TaskState.SKIPPED, TaskState.READY

MINUTE = timedelta(minutes=1)
AWAY = Gap(at(5), at(1000))
"""No scheduler looked from shortly before the first instant of the jobs here until it was much too late."""


async def ranges(kit: StoreKit, job: Job) -> list[tuple[datetime, datetime, int]]:
    """What the ON_MISFIRE hooks of a job tell."""
    found = []
    for hook in await kit.hooks_of(job.id):
        assert (hook.step, hook.event is None) == (Trigger.ON_MISFIRE, False)
        data = orjson.loads(hook.event or "")["data"]
        found.append((*map(datetime.fromisoformat, (data["first"], data["last"])), data["count"]))
    return found


class MisfireConformance:
    """An outage from 5 s to 1000 s after NOW; recurring jobs are due every 10 s."""

    async def stored(self, kit: StoreKit, schedule: Any = None, policy: Misfire = ALL, **fields: Any) -> Job:
        job = a_job(schedule or every(10), ON_MISFIRE, misfire=policy, **fields)
        await kit.add(submission(job))
        return job

    def see(
        self, kit: StoreKit, *tasks: Task, now: datetime = AWAY.until, gap: Gap | None = AWAY
    ) -> Extension:
        """What a scheduler does that comes back."""
        return kit.agenda.extend([due(task) for task in tasks], now + timedelta(seconds=2), now, gap)

    async def steps(self, kit: StoreKit, job: Job) -> list[Task]:
        """The steps of a job, the earliest instant first."""
        tasks = [task for task in await kit.tasks_of(job.id) if task.kind == "step"]
        return sorted(tasks, key=lambda task: task.instant)

    async def runs(self, kit: StoreKit, job: Job) -> list[datetime]:
        """The instants that run."""
        return [task.instant for task in await self.steps(kit, job) if task.status is not SKIPPED]

    async def test_skip_runs_none_of_the_missed(self, kit: StoreKit) -> None:
        job = await self.stored(kit, policy=SKIP)
        done = self.see(kit, first_task(job))
        assert await self.runs(kit, job) == seconds(940, 950, 960, 970, 980, 990, 1000, 1010)
        assert await ranges(kit, job) == [(at(10), at(930), 93)]
        first = await kit.task(first_task(job))
        assert (first.status, first.reason) == (SKIPPED, "misfired: more than PT1M late")
        assert first.finished_at == AWAY.until
        assert (done.dropped, done.misfired, done.fired) == ({first.id}, {"skip": 93}, True)
        assert not done.unfinished

    async def test_latest_runs_the_newest_of_the_missed(self, kit: StoreKit) -> None:
        job = await self.stored(kit, policy=LATEST)
        done = self.see(kit, first_task(job))
        assert (await self.runs(kit, job))[:3] == seconds(930, 940, 950)
        assert await ranges(kit, job) == [(at(10), at(920), 92)]
        assert done.misfired == {"latest": 92}

    async def test_latest_runs_the_stored_one_when_it_is_the_newest(self, kit: StoreKit) -> None:
        job = await self.stored(kit, every(900), LATEST)
        gap = Gap(NOW, at(1200))
        done = self.see(kit, first_task(job), now=gap.until, gap=gap)
        assert await self.runs(kit, job) == seconds(900, 1800)
        assert (done.dropped, done.misfired) == (frozenset(), {})

    async def test_all_runs_everything_at_most_so_many_at_a_time(self, kit: StoreKit) -> None:
        job = await self.stored(kit, policy=Misfire(at_once=3))
        done = self.see(kit, first_task(job))
        assert await self.runs(kit, job) == seconds(10, 20, 30)
        assert (done.unfinished, done.moved) == ({job.id}, {job.id})
        again = kit.agenda.catch_up([job.id], at(1002), at(1000))
        assert (again.made, again.unfinished, again.moved) == ((), {job.id}, frozenset())

    async def test_the_others_follow_as_those_end(self, kit: StoreKit) -> None:
        job = await self.stored(kit, every(10, max_runs=20), Misfire(at_once=3))
        self.see(kit, first_task(job))
        kit.time.now = AWAY.until
        while waiting := [task for task in await self.steps(kit, job) if task.status is READY]:
            assert len(waiting) <= 3
            await kit.commit(await kit.claim(waiting[0]), succeed())
            kit.agenda.catch_up([job.id], at(1002), at(1000))
        assert await self.runs(kit, job) == seconds(*range(10, 201, 10))
        assert await ranges(kit, job) == []

    async def test_all_skips_what_is_outside_of_the_window(self, kit: StoreKit) -> None:
        job = await self.stored(kit, policy=Misfire(window=timedelta(seconds=100), at_once=100))
        done = self.see(kit, first_task(job))
        assert await self.runs(kit, job) == seconds(*range(900, 1011, 10))
        assert await ranges(kit, job) == [(at(10), at(890), 89)]
        assert done.misfired == {"all": 89}

    @pytest.mark.parametrize("policy, runs", [(SKIP, False), (LATEST, True), (ALL, True)])
    async def test_a_one_off_job(self, kit: StoreKit, policy: Misfire, runs: bool) -> None:
        """Losing it would surprise: only `skip` skips it, however late it is."""
        job = await self.stored(kit, Once(at=at(10)), policy)
        gap = Gap(at(5), at(86_400))
        self.see(kit, first_task(job), now=gap.until, gap=gap)
        assert (await kit.task(first_task(job))).status is (READY if runs else SKIPPED)
        assert await ranges(kit, job) == ([] if runs else [(at(10), at(10), 1)])

    @pytest.mark.parametrize("policy", [SKIP, LATEST, ALL])
    async def test_a_backlog_of_the_workers_is_none(self, kit: StoreKit, policy: Misfire) -> None:
        """Each was seen in time: the recurring one has its successor, the other was due before the gap."""
        policy = policy.model_copy(update={"window": MINUTE})
        once, recurring = (
            await self.stored(kit, Once(at=at(5)), policy),
            await self.stored(kit, policy=policy),
        )
        self.see(kit, first_task(recurring), now=at(9), gap=None)
        self.see(kit, first_task(once), first_task(recurring), gap=None)
        self.see(kit, first_task(once))
        assert {(await kit.task(first_task(job))).status for job in (once, recurring)} == {READY}

    async def test_a_chain_that_nobody_extended_was_not_seen(self, kit: StoreKit) -> None:
        """Although a scheduler was there: the job had been paused, say."""
        job = await self.stored(kit, policy=SKIP)
        self.see(kit, first_task(job), gap=None)
        assert (await kit.task(first_task(job))).status is SKIPPED

    async def test_what_is_within_the_grace_runs(self, kit: StoreKit) -> None:
        job = await self.stored(kit, policy=SKIP)
        gap = Gap(at(5), at(70))
        self.see(kit, first_task(job), now=gap.until, gap=gap)
        assert (await self.runs(kit, job))[:2] == seconds(10, 20)

    async def test_all_steps_of_the_occurrence_are_skipped(self, kit: StoreKit) -> None:
        steps = [step("a"), step("b"), step("c", "a", "b")]
        job = await self.stored(kit, policy=SKIP, steps=steps)
        done = self.see(kit, *tasks_of(job)[:2])
        states = [(await kit.task(task)).status for task in tasks_of(job)]
        assert states == [SKIPPED] * 3
        assert done.dropped == {task.id for task in tasks_of(job)}
        assert await ranges(kit, job) == [(at(10), at(930), 93)]

    async def test_an_occurrence_that_was_started_runs_to_its_end(self, kit: StoreKit) -> None:
        job = await self.stored(kit, policy=SKIP, steps=[step("a"), step("b")])
        kit.time.advance(10)
        await kit.claim(tasks_of(job)[0])
        done = self.see(kit, tasks_of(job)[1])
        assert (await kit.task(tasks_of(job)[1])).status is READY
        assert not done.dropped
        assert await ranges(kit, job) == [(at(20), at(930), 92)]

    async def test_a_claim_at_the_same_moment_wins_or_loses_all(self, kit: StoreKit) -> None:
        kit.time.now = AWAY.until
        for _ in range(10):
            job = await self.stored(kit, Once(at=at(10)), SKIP, steps=[step("a"), step("b", "a")])
            task = first_task(job)
            see = asyncio.to_thread(self.see, kit, task)
            claims, done = await asyncio.gather(kit.claims.claim([due(task).hint], "w", MINUTE), see)
            states = {(await kit.task(each)).status for each in tasks_of(job)}
            assert states == ({TaskState.RUNNING, TaskState.BLOCKED} if claims else {SKIPPED})
            assert bool(claims) is not bool(done.dropped)

    async def test_many_at_once_record_it_once(self, kit: StoreKit) -> None:
        jobs = [await self.stored(kit, policy=policy) for policy in (SKIP, LATEST) for _ in range(3)]
        tasks = [first_task(job) for job in jobs]
        await asyncio.gather(*(asyncio.to_thread(self.see, kit, *tasks) for _ in range(6)))
        for job in jobs:
            ((first, last, count),) = await ranges(kit, job)
            missed = (last - first) / timedelta(seconds=10) + 1
            assert (first, count) == (at(10), missed)
            runs = await self.runs(kit, job)
            assert runs == seconds(*range(round((last - NOW).total_seconds()) + 10, 1011, 10))

    async def test_the_range_that_goes_on_fires_no_second_time(
        self, kit: StoreKit, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(misfire, "_MOST_PASSED", 7)
        job = await self.stored(kit, Cron(expression="* * * * *"), SKIP)
        gap = Gap(NOW, NOW + 20 * MINUTE)
        done = self.see(kit, now=gap.until, gap=gap)
        assert done == Extension()
        done = self.see(kit, first_task(job), now=gap.until, gap=gap)
        total = sum(done.misfired.values())
        while done.unfinished:
            done = kit.agenda.catch_up([job.id], gap.until, gap.until)
            total += sum(done.misfired.values())
        assert total == 18
        assert await ranges(kit, job) == [(NOW + MINUTE, NOW + 8 * MINUTE, 8)]
        assert await self.runs(kit, job) == [NOW + number * MINUTE for number in (19, 20, 21)]

    async def test_a_crash_in_the_middle_of_a_range_is_mended(
        self, kit: StoreKit, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The cursor then stands on an instant that has no task."""
        monkeypatch.setattr(misfire, "_MOST_PASSED", 7)
        job = await self.stored(kit, Cron(expression="* * * * *"), SKIP)
        gap = Gap(NOW, NOW + 20 * MINUTE)
        assert self.see(kit, first_task(job), now=gap.until, gap=gap).unfinished
        for _ in range(3):
            kit.agenda.stalled(gap.until, gap.until, 10)
        assert await self.runs(kit, job) == [NOW + number * MINUTE for number in (19, 20, 21)]

    @pytest.mark.parametrize("policy", [SKIP, LATEST, ALL])
    async def test_a_years_outage_of_a_fast_job(self, kit: StoreKit, policy: Misfire) -> None:
        """Neither runs nor stores millions of anything, and takes no time."""
        job = await self.stored(kit, Interval(every=timedelta(milliseconds=100)), policy)
        gap = Gap(NOW, NOW + timedelta(days=365))
        begun = time.monotonic()
        done = self.see(kit, first_task(job), now=gap.until, gap=gap)
        assert time.monotonic() - begun < 20
        assert len(await self.steps(kit, job)) <= 101
        assert len(done.made) <= 100
        ((first, _, count),) = await ranges(kit, job)
        assert (first, count) == (at(0.1), sum(done.misfired.values()))
        assert count > 300_000_000

    async def test_skipped_instants_count_for_max_runs_and_the_job_ends(self, kit: StoreKit) -> None:
        job = await self.stored(kit, every(10, max_runs=5), SKIP)
        self.see(kit, first_task(job))
        stored = await kit.jobs.get(job.id)
        assert stored is not None
        assert (stored.cursor.at, stored.cursor.count, stored.cursor.exhausted) == (at(50), 5, True)
        assert await self.runs(kit, job) == []
        assert await kit.jobs.unsettled(at(1000), None, 9) == [(at(50), job.id)]
        await kit.jobs.settle([job.id], at(1000))
        stored = await kit.jobs.get(job.id)
        assert stored is not None
        assert stored.status is JobState.COMPLETED

    async def test_the_chain_goes_on_after_it(self, kit: StoreKit) -> None:
        job = await self.stored(kit, policy=SKIP)
        self.see(kit, first_task(job))
        newest: Sequence[Task] = [task for task in await self.steps(kit, job) if task.status is READY][-1:]
        self.see(kit, *newest, now=at(1009), gap=None)
        assert (await self.runs(kit, job))[-2:] == seconds(1010, 1020)
        assert len(await ranges(kit, job)) == 1

    async def test_a_cancelled_job_is_left(self, kit: StoreKit) -> None:
        job = await self.stored(kit, policy=SKIP)
        await kit.jobs.cancel(job.id, NOW)
        assert self.see(kit, first_task(job)) == Extension()
        assert kit.agenda.catch_up([job.id], at(1002), at(1000)) == Extension()
