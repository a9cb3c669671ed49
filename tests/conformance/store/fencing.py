"""Who may commit: the holder of the lease, while the task runs, and nobody else (I3)."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from karya.core import transitions
from karya.core.ports import Claim, Commit
from karya.core.task import Task, TaskState
from karya.core.transitions import LEGAL, Move, Transition
from tests.conformance.store.kit import TTL, StoreKit
from tests.support.story import (
    NOW,
    ON_FAILURE,
    a_job,
    another_task,
    bury,
    cancel,
    first_task,
    release,
    retry,
    submission,
    succeed,
)

MOVES = [succeed("7"), retry("mine"), bury("mine"), release(), cancel()]
REAPED = [retry("the lease expired", due_at=NOW), bury("the lease expired")]
each_move = pytest.mark.parametrize("move", MOVES, ids=lambda move: move.move)


class FencingConformance:
    """A commit that has lost its lease writes nothing and says so."""

    async def story(self, kit: StoreKit, job_id: str) -> tuple[Sequence[Task], int]:
        """All that is recorded of a job: its tasks with all their fields, and the number of its logs."""
        return await kit.tasks_of(job_id), len(await kit.errors_of(job_id))

    async def running(self, kit: StoreKit) -> tuple[str, Claim]:
        job = a_job(None, ON_FAILURE)
        await kit.add(submission(job))
        return job.id, await kit.claim(first_task(job))

    async def reaped(self, kit: StoreKit, claim: Claim, verdict: Transition) -> None:
        kit.time.advance(TTL.total_seconds())
        (expired,) = await kit.claims.expired(10)
        assert expired.lease is not None
        commit = Commit(expired.id, claim.lease_id, verdict, seen_expiry=expired.lease.expires_at)
        assert not await kit.commits.commit([commit], kit.time.now)

    @each_move
    async def test_a_foreign_lease_is_refused(self, kit: StoreKit, move: Transition) -> None:
        job_id, claim = await self.running(kit)
        before = await self.story(kit, job_id)
        commit = Commit(claim.hint.task_id, "of another", move)
        assert await kit.commits.commit([commit], NOW) == {claim.hint.task_id}
        assert await self.story(kit, job_id) == before

    @each_move
    async def test_an_unknown_task_is_lost(self, kit: StoreKit, move: Transition) -> None:
        assert await kit.commits.commit([Commit("no such task", "lease", move)], NOW) == {"no such task"}

    @each_move
    @pytest.mark.parametrize("verdict", REAPED, ids=lambda verdict: verdict.move)
    async def test_after_the_reaper_the_holder_is_told_that_it_lost(
        self, kit: StoreKit, move: Transition, verdict: Transition
    ) -> None:
        job_id, claim = await self.running(kit)
        await self.reaped(kit, claim, verdict)
        before = await self.story(kit, job_id)
        assert await kit.commit(claim, move) == {claim.hint.task_id}
        assert await self.story(kit, job_id) == before

    @each_move
    async def test_after_the_next_claim_the_old_holder_is_told_that_it_lost(
        self, kit: StoreKit, move: Transition
    ) -> None:
        job_id, claim = await self.running(kit)
        await self.reaped(kit, claim, REAPED[0])
        await kit.claim(await kit.task(claim.hint.task_id), "next")
        before = await self.story(kit, job_id)
        assert await kit.commit(claim, move) == {claim.hint.task_id}
        assert await self.story(kit, job_id) == before

    @each_move
    @pytest.mark.parametrize("state", sorted(set(TaskState) - {TaskState.RUNNING}))
    async def test_only_running_tasks_move(self, kit: StoreKit, move: Transition, state: TaskState) -> None:
        job = a_job()
        other = another_task(job, 1, state)
        await kit.add(submission(job, other))
        before = await self.story(kit, job.id)
        assert await kit.commits.commit([Commit(other.id, "lease", move)], NOW) == {other.id}
        assert await self.story(kit, job.id) == before

    @pytest.mark.parametrize("move", Move)
    async def test_the_store_applies_a_move_exactly_where_the_table_has_it(
        self, kit: StoreKit, move: Move
    ) -> None:
        """A commit is a move out of RUNNING: any other is a mistake of the caller and writes nothing."""
        job_id, claim = await self.running(kit)
        before = await self.story(kit, job_id)
        if TaskState.RUNNING in LEGAL[move][0]:
            assert not await kit.commit(claim, Transition(move))
            assert (await kit.task(claim.hint.task_id)).status is LEGAL[move][1]
        else:
            with pytest.raises(ValueError, match=move.value):
                await kit.commit(claim, Transition(move))
            assert await self.story(kit, job_id) == before

    @each_move
    async def test_repeating_a_commit_changes_nothing_and_loses_nothing(
        self, kit: StoreKit, move: Transition
    ) -> None:
        job_id, claim = await self.running(kit)
        assert not await kit.commit(claim, move)
        before = await self.story(kit, job_id)
        kit.time.advance(1)
        assert not await kit.commit(claim, move)
        assert await self.story(kit, job_id) == before

    @pytest.mark.parametrize("move", [retry(), bury(), release()], ids=lambda move: move.move)
    async def test_repeating_a_commit_that_became_a_cancel_loses_nothing(
        self, kit: StoreKit, move: Transition
    ) -> None:
        job_id, claim = await self.running(kit)
        await kit.tasks.cancel_of_job(job_id, NOW)
        await kit.commit(claim, move)
        before = await self.story(kit, job_id)
        kit.time.advance(1)
        assert not await kit.commit(claim, move)
        assert await self.story(kit, job_id) == before

    async def test_a_renewal_saves_a_task_from_the_reaper(self, kit: StoreKit) -> None:
        job_id, claim = await self.running(kit)
        kit.time.advance(TTL.total_seconds())
        (seen,) = await kit.claims.expired(10)
        assert seen.lease is not None
        await kit.claims.renew({seen.id: claim.lease_id}, TTL)
        before = await self.story(kit, job_id)
        reap = Commit(seen.id, claim.lease_id, REAPED[0], seen_expiry=seen.lease.expires_at)
        assert await kit.commits.commit([reap], kit.time.now) == {seen.id}
        assert await self.story(kit, job_id) == before
        assert not await kit.commit(claim, succeed())

    async def test_a_hand_back_behind_the_reaper_is_lost(self, kit: StoreKit) -> None:
        """Though the task was handed back before, for the same reason."""
        _, claim = await self.running(kit)
        await kit.commit(claim, release())
        again = await kit.claim(await kit.task(claim.hint.task_id))
        assert not await kit.commit(again, transitions.retry(NOW, "the lease expired", None, NOW))
        assert await kit.commit(again, release()) == {again.hint.task_id}
        assert (await kit.task(again.hint.task_id)).reason is None

    async def test_two_reapers_and_the_holder_at_once_are_one(self, kit: StoreKit) -> None:
        job_id, claim = await self.running(kit)
        kit.time.advance(TTL.total_seconds())
        (seen,) = await kit.claims.expired(10)
        assert seen.lease is not None
        reap = Commit(seen.id, claim.lease_id, REAPED[1], seen_expiry=seen.lease.expires_at)
        one, other, holder = await asyncio.gather(
            kit.commits.commit([reap], kit.time.now),
            kit.commits.commit([reap], kit.time.now + timedelta(seconds=1)),
            kit.commit(claim, succeed()),
        )
        task = await kit.task(seen.id)
        assert one == other
        assert bool(one) != bool(holder)
        assert task.status is (TaskState.DEAD if holder else TaskState.SUCCEEDED)
        assert len(await kit.tasks_of(job_id)) == (2 if holder else 1)
        assert len(await kit.errors_of(job_id)) == bool(holder)

    async def test_a_mixed_batch_loses_only_what_is_lost(self, kit: StoreKit) -> None:
        commits, lost = [], set()
        for number, move in enumerate(MOVES * 4):
            _, claim = await self.running(kit)
            is_lost = number % 3 == 0
            commits.append(Commit(claim.hint.task_id, "other" if is_lost else claim.lease_id, move))
            lost |= {claim.hint.task_id} if is_lost else set()
        assert await kit.commits.commit(commits, NOW) == lost
        for commit in commits:
            status = (await kit.task(commit.task_id)).status
            assert status is (TaskState.RUNNING if commit.task_id in lost else commit.transition.target)

    def test_every_move_out_of_running_is_tried(self) -> None:
        assert {move.move for move in MOVES} == {
            move for move, (sources, _) in LEGAL.items() if TaskState.RUNNING in sources
        }
