"""What every `Commits` must fire: each hook once for each outcome that triggers it (I7)."""

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from karya.core.hook import Trigger
from karya.core.job import Job
from karya.core.ports import Commit
from karya.core.task import TaskKind, TaskState
from karya.core.times import format_instant
from karya.core.trace import Trace
from karya.core.transitions import Move, Transition
from tests.conformance.store.kit import StoreKit
from tests.support.story import (
    NOW,
    a_job,
    at,
    bury,
    cancel,
    every,
    first_task,
    hook,
    release,
    retry,
    submission,
    succeed,
)

ALL = [hook(trigger) for trigger in Trigger]
BORING = [cancel(), release()]
FIRES: Mapping[Move, set[Trigger]] = {
    Move.SUCCEED: {Trigger.ON_SUCCESS},
    Move.RETRY: {Trigger.ON_RETRY},
    Move.BURY: {Trigger.ON_FAILURE, Trigger.ON_DEAD_LETTER},
}
TELLING = [succeed('{"n":1}'), retry("boom", due_at=at(60)), bury("boom")]
each_telling = pytest.mark.parametrize("move", TELLING, ids=lambda move: move.move)


def traced(job: Job, trace: Trace) -> Job:
    return job.model_copy(update={"trace": trace})


class FiringConformance:
    """Hooks are written in the transaction of the outcome that fires them."""

    @pytest.mark.parametrize("move", [*TELLING, *BORING], ids=lambda move: move.move)
    async def test_each_outcome_fires_its_own_triggers_and_no_others(
        self, kit: StoreKit, move: Transition
    ) -> None:
        job = a_job(None, *ALL, user_id="ada")
        await kit.add(submission(job))
        claim = await kit.claim(first_task(job))
        kit.time.advance(2)
        await kit.commit(claim, move)
        hooks = await kit.hooks_of(job.id)
        assert {Trigger(fired.step) for fired in hooks} == FIRES.get(move.move, set())
        for fired in hooks:
            assert (fired.status, fired.due_at, fired.instant) == (TaskState.READY, at(2), at(2))
            assert (fired.user_id, fired.job_version, fired.count) == ("ada", 1, 0)
            assert not fired.hooks and not fired.solo and not fired.recurring

    @each_telling
    async def test_the_event_tells_what_happened(self, kit: StoreKit, move: Transition) -> None:
        job = a_job(every(1), *ALL)
        await kit.add(submission(job))
        kit.time.advance(1)
        await kit.commit(await kit.claim(first_task(job)), release())
        claim = await kit.claim(first_task(job))
        kit.time.advance(2)
        told = Transition(move.move, move.changes, code=None if move.move is Move.SUCCEED else "http.503")
        await kit.commit(claim, told)
        task = first_task(job)
        specific: dict[Move, dict[str, Any]] = {
            Move.SUCCEED: {"outcome": "succeeded", "error": None, "result": {"n": 1}},
            Move.RETRY: {
                "outcome": "retrying",
                "error": "boom",
                "code": "http.503",
                "next_attempt_at": format_instant(at(60)),
            },
            Move.BURY: {"outcome": "dead", "error": "boom", "code": "http.503"},
        }
        hooks = await kit.hooks_of(job.id)
        assert {Trigger(fired.step) for fired in hooks} == FIRES[move.move]
        for fired in hooks:
            event = orjson.loads(fired.event or "")
            assert event["data"] == {
                "trigger": fired.step,
                "job_id": job.id,
                "task": {
                    "id": task.id,
                    "step": "main",
                    "cause": task.cause,
                    "instant": format_instant(at(1)),
                },
                "attempt": 1,
                **specific[move.move],
            }
            assert (event["id"], event["subject"], event["specversion"]) == (fired.id, task.id, "1.0")
            assert (event["source"], event["time"]) == (f"/v1/jobs/{job.id}", format_instant(at(3)))

    @each_telling
    async def test_repeating_a_commit_fires_nothing_more(self, kit: StoreKit, move: Transition) -> None:
        job = a_job(None, *ALL, *ALL)
        await kit.add(submission(job))
        claim = await kit.claim(first_task(job))
        assert not await kit.commit(claim, move)
        before = await kit.hooks_of(job.id)
        kit.time.advance(1)
        assert not await kit.commit(claim, move)
        assert await kit.hooks_of(job.id) == before
        assert len(before) == 2 * len(FIRES[move.move])

    async def test_committing_twice_at_once_fires_once(self, kit: StoreKit) -> None:
        for move in TELLING:
            job = a_job(None, *ALL)
            await kit.add(submission(job))
            claim = await kit.claim(first_task(job))
            assert await asyncio.gather(*(kit.commit(claim, move) for _ in range(3))) == [frozenset()] * 3
            assert len(await kit.hooks_of(job.id)) == len(FIRES[move.move])

    async def test_each_retry_fires_and_the_end_fires_once(self, kit: StoreKit) -> None:
        job = a_job(None, *ALL)
        await kit.add(submission(job))
        for number in range(3):
            await kit.commit(await kit.claim(first_task(job)), retry(f"boom {number}", due_at=NOW))
        await kit.commit(await kit.claim(first_task(job)), bury("the last"))
        told = [(h.step, orjson.loads(h.event or "")["data"]) for h in await kit.hooks_of(job.id)]
        assert sorted((step, data["attempt"], data["error"]) for step, data in told) == [
            ("ON_DEAD_LETTER", 4, "the last"),
            ("ON_FAILURE", 4, "the last"),
            *(("ON_RETRY", number + 1, f"boom {number}") for number in range(3)),
        ]

    async def test_a_retry_that_a_cancel_overtook_fires_nothing(self, kit: StoreKit) -> None:
        for move in (retry(), bury()):
            job = a_job(None, *ALL)
            await kit.add(submission(job))
            claim = await kit.claim(first_task(job))
            await kit.tasks.cancel_of_job(job.id, NOW)
            await kit.commit(claim, move)
            assert not await kit.hooks_of(job.id)

    async def test_a_lost_lease_fires_nothing(self, kit: StoreKit) -> None:
        for move in TELLING:
            job = a_job(None, *ALL)
            await kit.add(submission(job))
            claim = await kit.claim(first_task(job))
            await kit.commit(claim, release())
            assert await kit.commit(claim, move) == {claim.hint.task_id}
            assert not await kit.hooks_of(job.id)

    @each_telling
    async def test_hooks_fire_no_hooks(self, kit: StoreKit, move: Transition) -> None:
        job = a_job(None, *ALL)
        await kit.add(submission(job))
        await kit.commit(await kit.claim(first_task(job)), bury("the step"))
        hooks = await kit.hooks_of(job.id)
        kit.time.advance(1)
        for fired in hooks:
            await kit.commit(await kit.claim(fired), move)
        assert {h.id for h in await kit.hooks_of(job.id)} == {h.id for h in hooks}
        logs = await kit.errors_of(job.id)
        failed = [] if move.move is Move.SUCCEED else [("boom", "hook")] * 2
        assert [(log.error, log.source.value) for log in logs] == [*failed, ("the step", "step")]

    async def test_a_hook_outlives_the_cancel_of_its_job(self, kit: StoreKit) -> None:
        job = a_job(every(1), hook(Trigger.ON_RETRY))
        await kit.add(submission(job))
        kit.time.advance(1)
        await kit.commit(await kit.claim(first_task(job)), retry())
        await kit.jobs.cancel(job.id, kit.time.now)
        await kit.tasks.cancel_of_job(job.id, kit.time.now)
        (fired,) = await kit.hooks_of(job.id)
        assert fired.status is TaskState.READY
        await kit.commit(await kit.claim(fired), succeed())
        assert (await kit.task(fired)).status is TaskState.SUCCEEDED
        assert (await kit.task(first_task(job))).status is TaskState.CANCELLED

    async def test_a_hook_belongs_to_the_attempt_that_fired_it_or_else_to_what_its_job_does(
        self, kit: StoreKit
    ) -> None:
        asked = Trace(parent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", state="vendor=a")
        attempt = Trace(parent="00-4bf92f3577b34da6a3ce929d0e0e4736-b7ad6b7169203331-01")
        for told, trace in ((attempt, attempt), (None, asked)):
            job = traced(a_job(None, hook(Trigger.ON_SUCCESS)), asked)
            await kit.add(submission(job))
            assert await kit.jobs.get(job.id) == job
            due = [one.hint for one in kit.agenda.due(NOW, None, 9) if one.hint.job_id == job.id]
            assert [hint.trace for hint in due] == [asked]
            claim = await kit.claim(first_task(job))
            commit = Commit(claim.hint.task_id, claim.lease_id, succeed(), linked=True, trace=told)
            assert not await kit.commits.commit([commit], kit.time.now)
            assert [fired.trace for fired in await kit.hooks_of(job.id)] == [trace]

    async def test_a_large_result_travels_cut(self, kit: StoreKit) -> None:
        job = a_job(None, hook(Trigger.ON_SUCCESS))
        await kit.add(submission(job))
        result = orjson.dumps("x" * 60_000).decode()
        await kit.commit(await kit.claim(first_task(job)), succeed(result))
        (fired,) = await kit.hooks_of(job.id)
        told = orjson.loads(fired.event or "")["data"]["result"]
        assert told == {"truncated": True, "bytes": 60_002, "start": result[:1024]}
        assert (await kit.task(first_task(job))).result == result

    async def test_a_hook_that_fails_is_retried_by_its_own_policy(self, kit: StoreKit) -> None:
        job = a_job(None, hook(Trigger.ON_SUCCESS))
        await kit.add(submission(job))
        await kit.commit(await kit.claim(first_task(job)), succeed())
        (fired,) = await kit.hooks_of(job.id)
        assert (fired.kind, fired.retry) == (TaskKind.HOOK, job.hooks[0].retry)
        await kit.commit(await kit.claim(fired), retry("no answer", due_at=at(5)))
        assert (await kit.task(fired)).due_at == at(5)
