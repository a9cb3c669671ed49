"""The scheduler does what jobs want done when their instants come too late or too fast."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from karya.core.hint import hint_of
from karya.core.job import Job
from karya.core.occurrence import occurrence_tasks, triggered
from karya.core.policies import Misfire, MisfirePolicy, Overlap
from karya.core.ports import Submission
from karya.core.ports.scheduling import SCHEDULER_LOCK
from karya.core.schedule import Once
from karya.core.task import Task, TaskState
from tests.integration.actors.desk import SELDOM, Desk, Post, from_now, now
from tests.support.away import AwayBlocking
from tests.support.mongo import Mongo
from tests.support.soon import soon
from tests.support.story import ON_MISFIRE, a_job, every, first_task, retry, submission, succeed

TEN_SECONDS = timedelta(seconds=10)
QUICK = Misfire(policy=MisfirePolicy.SKIP, grace=timedelta(seconds=1))
NEAR = timedelta(milliseconds=100)


def offered(post: Post) -> list[datetime]:
    return sorted(hint.instant for hint in post.offers.hints)


# --- misfire --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", [MisfirePolicy.SKIP, MisfirePolicy.LATEST])
async def test_after_an_outage_what_was_missed_is_not_run(desk: Desk, policy: MisfirePolicy) -> None:
    created_at = from_now(-1005)
    job = await desk.job(every(10), created_at, misfire=Misfire(policy=policy))
    post = desk.scheduler(look_ahead=NEAR)
    await soon(lambda: len(post.offers.jobs) >= 6)
    first = offered(post)[0]
    late = post.offers.times[0] - first
    lower, upper = (50, 60) if policy is MisfirePolicy.SKIP else (60, 70)
    assert timedelta(seconds=lower) <= late <= timedelta(seconds=upper + 20), "of minutes that were missed"
    skipped = (first - created_at) / TEN_SECONDS - 1
    assert post.says("karya_instants_misfired_total", policy=policy.value) == skipped
    stored = await desk.kit.task(first_task(job))
    assert stored.status is TaskState.SKIPPED


async def test_after_an_outage_the_missed_ones_run_a_few_at_a_time(desk: Desk) -> None:
    created_at = from_now(-1080)  # the tenth is late, too, and the next one is far away
    job = await desk.job(every(100), created_at, misfire=Misfire(at_once=2))
    post = desk.scheduler(look_ahead=NEAR)
    for done in range(10):
        await soon(lambda done=done: len(post.offers.jobs) > done)  # type: ignore[misc]
        tasks = await desk.kit.tasks_of(job.id)
        open_ = [task for task in tasks if task.status is TaskState.READY and task.due_at < now()]
        assert 0 < len(open_) <= 2
        (claim,) = await desk.kit.server_claims.claim([post.offers.hints[done]], "w", SELDOM)
        await desk.kit.commit(claim, succeed())
    assert offered(post) == [created_at + number * 10 * TEN_SECONDS for number in range(1, 11)]
    assert post.says("karya_chains_mended_total") == 0


async def test_a_misfire_fires_its_hook_at_once(desk: Desk) -> None:
    job = a_job(Once(at=from_now(-1000)), ON_MISFIRE, created_at=from_now(-1001), misfire=QUICK)
    await desk.kit.add(submission(job))
    post = desk.scheduler(poll=SELDOM)
    await soon(lambda: [hint.kind for hint in post.offers.hints] == ["hook"])


async def test_what_waits_for_workers_is_not_misfired_even_under_a_new_leader(
    desk: Desk, mongo: Mongo
) -> None:
    locks, resend, lease = desk.kit.server_locks, timedelta(milliseconds=100), timedelta(seconds=6)
    one = desk.scheduler("one", locks=locks, resend_after=resend, lease=lease)
    await one.leads()
    job = await desk.job(misfire=QUICK)
    due_at = first_task(job).due_at

    def led_until() -> datetime:
        found = mongo.blocking["locks"].find_one({"_id": SCHEDULER_LOCK}) or {}
        renewed_at: datetime = found["renewed_at"]
        return renewed_at

    await soon(lambda: led_until() > due_at + timedelta(seconds=1.5))
    await one.stop()
    two = desk.scheduler("two", locks=locks, resend_after=resend)
    await soon(lambda: len(two.offers.jobs) >= 2)
    assert (await desk.kit.task(first_task(job))).status is TaskState.READY


async def test_what_comes_while_the_store_is_away_is_misfired(desk: Desk) -> None:
    agenda = AwayBlocking(desk.kit.agenda)
    post = desk.scheduler(agenda=agenda, look_ahead=NEAR, locks=desk.kit.server_locks, lease=SELDOM)
    await soon(lambda: post.looks > 1)
    agenda.left = 1_000_000
    job = await desk.job(0.3, misfire=QUICK)
    back_at = first_task(job).due_at + timedelta(seconds=1.2)
    await soon(lambda: now() > back_at)
    agenda.left = 0
    await soon(lambda: post.says("karya_instants_misfired_total", policy="skip") == 1)
    assert post.offers.jobs == []
    assert (await desk.kit.task(first_task(job))).status is TaskState.SKIPPED


# --- overlap --------------------------------------------------------------------------------------------


async def occurrences(desk: Desk, overlap: Overlap, **fields: Any) -> tuple[Job, Sequence[Task]]:
    """A job with three occurrences that are due now, one shortly after the other."""
    job = a_job(Once(at=from_now(3600)), overlap=overlap, **fields)
    runs = [triggered(f"r{number}", from_now(-0.5 + number / 10)) for number in range(3)]
    tasks = [task for run in runs for task in occurrence_tasks(job, run, now())]
    await desk.kit.add(Submission(job, (first_task(job), *tasks)))
    return job, tasks


async def states(desk: Desk, tasks: Sequence[Task]) -> list[str]:
    return [(await desk.kit.task(task)).status.value for task in tasks]


def numbers(post: Post, tasks: Sequence[Task]) -> list[int]:
    """Which of the tasks were offered."""
    ids = [task.id for task in tasks]
    return [ids.index(hint.task_id) for hint in post.offers.hints]


async def test_overlap_allow_offers_all(desk: Desk) -> None:
    _, tasks = await occurrences(desk, Overlap.ALLOW)
    post = desk.scheduler()
    await soon(lambda: numbers(post, tasks) == [0, 1, 2])


async def test_overlap_skip_offers_one(desk: Desk) -> None:
    _, tasks = await occurrences(desk, Overlap.SKIP)
    post = desk.scheduler(look_ahead=NEAR)
    await soon(lambda: post.says("karya_occurrences_overlapped_total") == 2)
    assert numbers(post, tasks) == [0]
    assert await states(desk, tasks) == ["READY", "SKIPPED", "SKIPPED"]


@pytest.mark.parametrize("pool", ["default", "gpu"])
async def test_overlap_queue_offers_the_next_when_the_slot_is_free(desk: Desk, pool: str) -> None:
    job, tasks = await occurrences(desk, Overlap.QUEUE, pool=pool)
    post = desk.scheduler(look_ahead=NEAR, pools=("default", "gpu"))
    await soon(lambda: post.says("karya_occurrences_overlapped_total") == 1)
    assert numbers(post, tasks) == [0]
    (claim,) = await desk.kit.server_claims.claim(post.offers.hints, "w", SELDOM)
    await desk.kit.commit(claim, succeed())
    assert await desk.kit.slots.release([(job.id, tasks[0].cause)], now())
    post.inbox.poke(now())
    await soon(lambda: numbers(post, tasks) == [0, 1])
    assert await states(desk, tasks) == ["SUCCEEDED", "READY", "SKIPPED"]


async def test_overlap_cancel_running_offers_the_newest_when_the_others_are_gone(desk: Desk) -> None:
    job, tasks = await occurrences(desk, Overlap.CANCEL_RUNNING)
    admitted = desk.kit.admissions.admit([hint_of(tasks[0])], now())
    (claim,) = await desk.kit.server_claims.claim(admitted.admitted, "w", SELDOM)
    post = desk.scheduler(look_ahead=NEAR)

    async def newest_waits() -> bool:
        return (await desk.kit.task(tasks[2])).held

    await soon(newest_waits)
    assert await states(desk, tasks) == ["RUNNING", "SKIPPED", "READY"]
    await desk.kit.commit(claim, retry())
    assert await desk.kit.slots.release([(job.id, tasks[0].cause)], now())
    await soon(lambda: numbers(post, tasks) == [2])
    assert await states(desk, tasks) == ["CANCELLED", "SKIPPED", "READY"]


async def test_admissions_that_fail_are_asked_for_again(desk: Desk) -> None:
    admissions = AwayBlocking(desk.kit.admissions)
    admissions.left = 3
    _, tasks = await occurrences(desk, Overlap.SKIP)
    plain = await desk.job()
    post = desk.scheduler(admissions=admissions, look_ahead=NEAR)
    await soon(lambda: post.says("karya_occurrences_overlapped_total") == 2)
    assert sorted(post.offers.jobs) == sorted([tasks[0].job_id, plain.id])


async def test_many_that_ask_for_slots_hold_up_nobody_else(desk: Desk) -> None:
    """Each admission is a transaction: together they may take seconds."""
    due_at = from_now(0.5)
    many = [a_job(Once(at=due_at), overlap=Overlap.SKIP) for _ in range(300)]
    await desk.kit.add(*map(submission, many))
    other = await desk.job(Once(at=due_at + timedelta(milliseconds=100)))
    post = desk.scheduler(batch=1_000, lease=TEN_SECONDS)
    await soon(lambda: len(post.offers.hints) == 301)
    assert post.offers.jobs.index(other.id) < 200
