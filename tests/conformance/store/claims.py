"""What every `Claims` must do when tasks are claimed."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from karya.core.action import RestAction
from karya.core.hint import hint_of
from karya.core.job import Cursor, Job
from karya.core.ports import StepResult
from karya.core.schedule import Once
from karya.core.task import START_WITHIN, TaskState
from tests.conformance.store.kit import TTL, StoreKit
from tests.support.story import (
    NOW,
    ON_FAILURE,
    SECOND,
    a_job,
    another_task,
    at,
    bury,
    every,
    first_task,
    release,
    step,
    submission,
    succeed,
    tasks_of,
)

REFUSED = sorted(set(TaskState) - {TaskState.READY})


def cursor(job: Job, count: int) -> Cursor:
    """The cursor on another instant of a job that runs every second."""
    return Cursor(at=job.cursor.at + (count - 1) * SECOND, count=count, exhausted=False)


class ClaimsConformance:
    """Taking the lease of a task."""

    async def test_of_twenty_claimers_exactly_one_wins(self, kit: StoreKit) -> None:
        job = a_job()
        await kit.add(submission(job))
        hint = hint_of(first_task(job))
        answers = await asyncio.gather(*(kit.claims.claim([hint], f"w{n}", TTL) for n in range(20)))
        ((winner, claim),) = [(n, claim) for n, answer in enumerate(answers) for claim in answer]
        lease = (await kit.task(hint.task_id)).lease
        assert lease is not None
        assert (lease.owner, lease.id) == (f"w{winner}", claim.lease_id)

    async def test_overlapping_batches_share_the_tasks_without_overlap(self, kit: StoreKit) -> None:
        jobs = [a_job() for _ in range(30)]
        await kit.add(*map(submission, jobs))
        hints = [hint_of(first_task(job)) for job in jobs]
        answers = await asyncio.gather(*(kit.claims.claim(hints[n : n + 20], "w", TTL) for n in range(11)))
        won = [claim.hint.task_id for answer in answers for claim in answer]
        assert sorted(won) == sorted(hint.task_id for hint in hints)

    async def test_a_claim_writes_the_lease_and_counts(self, kit: StoreKit) -> None:
        job = a_job()
        await kit.add(submission(job))
        kit.time.advance(5)
        claim = await kit.claim(first_task(job), "me")
        task = await kit.task(first_task(job))
        assert (task.status, task.token, task.attempts) == (TaskState.RUNNING, 1, 1)
        assert task.lease is not None
        assert (task.lease.id, task.lease.owner) == (claim.lease_id, "me")
        assert task.lease.expires_at == at(5) + TTL
        assert task.start_by == at(5) + START_WITHIN

    async def test_a_claim_before_the_instant_may_start_until_after_the_instant(self, kit: StoreKit) -> None:
        job = a_job(Once(at=at(0.04)))
        await kit.add(submission(job))
        await kit.claim(first_task(job))
        assert (await kit.task(first_task(job))).start_by == at(0.04) + START_WITHIN

    async def test_token_rises_with_every_claim(self, kit: StoreKit) -> None:
        job = a_job()
        await kit.add(submission(job))
        leases = set()
        for token in (1, 2, 3):
            claim = await kit.claim(first_task(job))
            leases.add(claim.lease_id)
            assert (await kit.task(first_task(job))).token == token
            await kit.commit(claim, release())
        assert len(leases) == 3

    async def test_a_stale_token_is_refused(self, kit: StoreKit) -> None:
        job = a_job()
        await kit.add(submission(job))
        stale = hint_of(first_task(job))
        await kit.commit(await kit.claim(first_task(job)), release())
        assert not await kit.claims.claim([stale], "w", TTL)
        assert not await kit.claims.claim([replace(stale, token=2)], "w", TTL)

    async def test_both_tokens_of_one_task_in_one_batch_win_once(self, kit: StoreKit) -> None:
        job = a_job()
        await kit.add(submission(job))
        hint = hint_of(first_task(job))
        later = replace(hint, token=1)
        assert len(await kit.claims.claim([hint, hint, later], "w", TTL)) == 1
        assert (await kit.task(hint.task_id)).attempts == 1

    @pytest.mark.parametrize("early, wins", [(0.0, True), (0.15, True), (0.151, False), (3600.0, False)])
    async def test_a_task_is_claimable_a_moment_before_it_is_due(
        self, kit: StoreKit, early: float, wins: bool
    ) -> None:
        job = a_job(Once(at=at(early)))
        await kit.add(submission(job))
        assert bool(await kit.claims.claim([hint_of(first_task(job))], "w", TTL)) is wins

    async def test_what_the_hint_says_of_the_due_time_counts_for_nothing(self, kit: StoreKit) -> None:
        job = a_job(Once(at=at(60)))
        await kit.add(submission(job))
        lie = replace(hint_of(first_task(job)), due_at=NOW)
        assert not await kit.claims.claim([lie], "w", TTL)

    @pytest.mark.parametrize("state", REFUSED)
    async def test_only_ready_tasks_are_claimed(self, kit: StoreKit, state: TaskState) -> None:
        job = a_job()
        other = another_task(job, 0).model_copy(update={"id": "other", "status": state})
        await kit.add(submission(job, other))
        assert not await kit.claims.claim([hint_of(other)], "w", TTL)
        assert (await kit.task("other")).status is state

    async def test_an_unknown_task_is_refused(self, kit: StoreKit) -> None:
        assert not await kit.claims.claim([hint_of(first_task(a_job()))], "w", TTL)

    async def test_no_hints_no_claims(self, kit: StoreKit) -> None:
        assert not await kit.claims.claim([], "w", TTL)

    async def test_a_batch_wins_what_it_can(self, kit: StoreKit) -> None:
        free, taken, later, gone = a_job(), a_job(), a_job(Once(at=at(60))), a_job()
        await kit.add(*map(submission, (free, taken, later)))
        await kit.claim(first_task(taken), "other")
        hints = [hint_of(first_task(job)) for job in (taken, free, later, gone)]
        (claim,) = await kit.claims.claim(hints, "me", TTL)
        assert claim.hint.job_id == free.id
        assert claim.action == free.steps[0].action

    @pytest.mark.parametrize("size", [1, 4_000, 5_000, 200_000])
    async def test_the_action_comes_with_the_claim(self, kit: StoreKit, size: int) -> None:
        """However large it is, and although the hint leaves out large ones."""
        job = a_job(action=RestAction(url="http://localhost/", body="x" * size))
        await kit.add(submission(job))
        (shown,) = kit.agenda.due(NOW, None, 10)
        (claim,) = await kit.claims.claim([shown.hint], "w", TTL)
        assert claim.action == job.steps[0].action

    async def test_a_hook_is_claimed_with_its_action_and_its_event(self, kit: StoreKit) -> None:
        job = a_job(None, ON_FAILURE)
        await kit.add(submission(job))
        await kit.commit(await kit.claim(first_task(job)), bury("no luck"))
        hints = [shown.hint for shown in kit.agenda.due(NOW, None, 10)]
        (claim,) = await kit.claims.claim(hints, "w", TTL)
        (hook,) = await kit.hooks_of(job.id)
        assert (claim.hint.task_id, claim.action) == (hook.id, job.hooks[0].action)
        assert claim.event == hook.event and "no luck" in (claim.event or "")

    async def test_a_step_has_no_event(self, kit: StoreKit) -> None:
        job = a_job()
        await kit.add(submission(job))
        assert (await kit.claim(first_task(job))).event is None

    async def test_the_results_of_an_occurrence_are_read_by_name(self, kit: StoreKit) -> None:
        job = a_job(every(1), steps=[step("good"), step("bad"), step("silent"), step("open"), step("other")])
        good, bad, silent, _open, _other = tasks_of(job)
        await kit.add(submission(job, *tasks_of(job.model_copy(update={"cursor": cursor(job, 2)}))))
        kit.time.advance(1)
        await kit.commit(await kit.claim(good), succeed('{"id":[7,null]}'))
        await kit.commit(await kit.claim(bad), bury("boom"))
        await kit.commit(await kit.claim(silent), succeed())
        names = ["good", "bad", "silent", "open", "no such step"]
        assert await kit.claims.results(job.id, good.cause, names) == {
            "good": StepResult(TaskState.SUCCEEDED, {"id": [7, None]}),
            "bad": StepResult(TaskState.DEAD, None, "boom"),
            "silent": StepResult(TaskState.SUCCEEDED),
            "open": StepResult(TaskState.READY),
        }
        assert await kit.claims.results(job.id, good.cause, []) == {}
        assert await kit.claims.results("no such job", good.cause, ["good"]) == {}

    async def test_an_owner_is_only_a_name(self, kit: StoreKit) -> None:
        job = a_job()
        await kit.add(submission(job))
        await kit.claim(first_task(job), "$token")
        lease = (await kit.task(first_task(job))).lease
        assert lease is not None
        assert lease.owner == "$token"

    async def test_the_lease_runs_by_the_clock_of_the_server(self, kit: StoreKit) -> None:
        job = a_job(Once(at=datetime(2020, 1, 1, tzinfo=UTC)), created_at=datetime(2020, 1, 1, tzinfo=UTC))
        await kit.add(submission(job))
        before = datetime.now(UTC)
        (claim,) = await kit.server_claims.claim([hint_of(first_task(job))], "w", TTL)
        lease = (await kit.task(first_task(job))).lease
        assert lease is not None
        assert before - SECOND < lease.expires_at - TTL < datetime.now(UTC) + SECOND
        assert not await kit.server_claims.expired(10)
        await kit.server_claims.renew({claim.hint.task_id: claim.lease_id}, timedelta(0))
        assert [task.id for task in await kit.server_claims.expired(10)] == [claim.hint.task_id]
