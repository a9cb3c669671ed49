"""The historian removes all that is due, and goes on whatever comes."""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from karya.actors import historian as room
from karya.actors.historian import Historian
from karya.actors.metrics import ServerMetrics
from karya.core.errors import StoreUnavailable
from karya.core.ports.history import Sweep
from tests.conformance.store.kit import StoreKit
from tests.support.held_clock import HeldClock
from tests.support.soon import soon
from tests.support.story import NOW, a_job, submission, succeed

DAY = timedelta(days=1)


class Past:
    """A retention that answers what it is told to."""

    def __init__(self, *answers: Sweep | Exception) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def expire(self, now: datetime, limit: int) -> Sweep:
        self.asked += 1
        answer = self.answers.pop(0) if self.answers else Sweep(0, 0, 0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def historian(retention: Any, clock: Any, metrics: ServerMetrics, times: list[float]) -> Historian:
    interval = timedelta(milliseconds=10)
    return Historian(retention, clock, interval, metrics, lambda: times.pop(0) if times else 0.0)


def expired(metrics: ServerMetrics) -> float | None:
    return metrics.registry.get_sample_value("karya_tasks_expired_total")


async def test_all_that_is_due_goes_in_one_round(kit: StoreKit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_BATCH", 2)
    jobs = [a_job() for _ in range(7)]
    await kit.add(*map(submission, jobs))
    for job in jobs:
        (task,) = await kit.tasks_of(job.id)
        await kit.commit(await kit.claim(task), succeed())
    await kit.jobs.complete_solo([job.id for job in jobs], NOW)
    kit.time.now += 8 * DAY
    metrics = ServerMetrics()
    await historian(kit.retention, HeldClock(kit.time), metrics, []).sweep()
    assert expired(metrics) == 7
    kit.time.now += 30 * DAY
    await historian(kit.retention, HeldClock(kit.time), metrics, []).sweep()
    assert [await kit.jobs.get(job.id) for job in jobs] == [None] * 7


async def test_it_rests_as_long_as_it_works_and_less_when_it_is_late(
    kit: StoreKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests: list[float] = []

    async def rest(seconds: float) -> None:
        rests.append(seconds)

    monkeypatch.setattr(room.asyncio, "sleep", rest)
    past = Past(Sweep(2, 2, 0), Sweep(1, 0, 1, DAY / 48), Sweep(1, 0, 1, DAY / 24))
    await historian(past, HeldClock(kit.time), ServerMetrics(), [1.0, 1.5, 4.0, 6.0, 7.0, 17.0]).sweep()
    assert (past.asked, rests) == (4, [0.5, 2.0, 2.0])


async def test_whatever_goes_wrong_it_goes_on(kit: StoreKit) -> None:
    past = Past(StoreUnavailable("away"), KeyError("of a later version"), Sweep(1, 5, 0))
    metrics = ServerMetrics()
    with capture_logs() as logs:
        running = asyncio.create_task(historian(past, HeldClock(kit.time), metrics, []).run())
        await soon(lambda: past.asked > 3)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
    told = [(line["event"], line.get("chore")) for line in logs]
    assert told == [("store_unavailable", None), ("chore_failed", "history")]
    assert expired(metrics) == 5
