"""A small cluster without processes: the store's own operations, in the order in which scheduler, workers and
janitor call them, on a clock that moves only when it is told to. What it leaves behind is a true ledger."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from karya.core.action import Action, NoopAction
from karya.core.chaining import child_id
from karya.core.hint import Hint
from karya.core.ids import fixed_id, minted_at
from karya.core.job import LIVE_STATES, Job, JobState, new_job
from karya.core.occurrence import opening
from karya.core.outcome import LEASE_EXPIRED, Failure, Outcome, Success
from karya.core.policies import MISFIRE_GRACE
from karya.core.ports import Claim, Commit, Extension, Gap, Submission
from karya.core.revision import merged, revised
from karya.core.schedule import Schedule
from karya.core.spec import JobSpec, spec_model
from karya.core.task import OPEN_STATES, TaskKind, TaskState
from karya.core.times import ceil_millis
from karya.core.transitions import Attempt, Transition, decide, release
from tests.conformance.store.kit import TTL, StoreKit
from tests.support.story import a_job

SPEC = spec_model([NoopAction])
LOOK_AHEAD = timedelta(seconds=2)
LOCK = "scheduler"

Judge = Callable[[Hint], "Outcome | None"]
"""What an attempt comes to; None: it goes on running, and nobody renews its lease."""


def succeeds(_: Hint) -> Outcome:
    """Every attempt does what it should."""
    return Success()


def fails(_: Hint) -> Outcome:
    """No attempt does."""
    return Failure("boom")


def hangs(_: Hint) -> None:
    """No attempt ends."""


@dataclass
class World:
    """What runs in it. `looked_to` is up to when the scheduler has looked ahead."""

    kit: StoreKit
    jobs: list[Job] = field(default_factory=list)
    looked_to: datetime | None = None
    running: dict[str, Claim] = field(default_factory=dict)
    _idents: int = 0

    @property
    def now(self) -> datetime:
        """The present moment."""
        return self.kit.time.now

    def _ident(self) -> str:
        """An id of this moment; in the same history always the same."""
        self._idents += 1
        return fixed_id(self.now, "world", str(self._idents))

    # --- what clients do ----------------------------------------------------------------------------------

    async def submit(self, schedule: Schedule | None = None, *hooks: Any, **fields: Any) -> Job:
        """A job that is submitted now."""
        job = a_job(schedule, *hooks, created_at=self.now, **fields)
        job, tasks = opening(job.model_copy(update={"id": self._ident()}))
        await self.kit.add(Submission(job, tasks))
        self.jobs.append(job)
        return job

    async def chain(self, parent: Job) -> Job:
        """A job that an action of the parent submits now."""
        spec = JobSpec[Action](action=NoopAction(), user_id=parent.user_id)
        ident = child_id(self._ident(), self.now)
        job, tasks = opening(new_job(spec, minted_at(ident), ident=ident, parent=parent))
        await self.kit.add(Submission(job, tasks))
        self.jobs.append(job)
        return job

    async def update(self, job: Job, **changes: Any) -> Job:
        """Another version."""

        def revise(old: Job) -> Job:
            return revised(old, SPEC.model_validate(merged(old, changes)), self.now)

        changed = await self.kit.lifecycle.update(job.id, revise, self.now)
        if changed.cursor.exhausted:
            await self.kit.jobs.settle([job.id], self.now)
        return changed

    async def pause(self, job: Job) -> None:
        await self.kit.lifecycle.pause(job.id, self.now)

    async def resume(self, job: Job) -> None:
        await self.kit.lifecycle.resume(job.id, self.now)
        await self.kit.jobs.settle([job.id], self.now)

    async def skip(self, job: Job) -> None:
        await self.kit.lifecycle.skip_next(job.id, self.now)
        await self.kit.jobs.settle([job.id], self.now)

    async def trigger(self, job: Job) -> None:
        await self.kit.lifecycle.trigger(job.id, self._ident(), self.now)

    async def cancel(self, job: Job) -> None:
        """With all its descendants, as the server does it."""
        await self.kit.jobs.cancel(job.id, self.now)
        for ident in await self.kit.jobs.descendants(job.id, LIVE_STATES, None, 100):
            await self.kit.jobs.cancel(ident, self.now)
        ended = [job.id, *await self.kit.jobs.descendants(job.id, {JobState.CANCELLED}, None, 100)]
        for ident in ended:
            await self.kit.tasks.cancel_of_job(ident, self.now)
        await self.kit.jobs.cancelled_wholly(ended)

    async def letters(self, job: Job) -> Sequence[str]:
        """Its dead letters."""
        tasks = await self.kit.tasks_of(job.id)
        return [task.id for task in tasks if task.status is TaskState.DEAD]

    async def redrive(self, job: Job) -> None:
        """The first of its dead letters."""
        await self.kit.letters.redrive((await self.letters(job))[0], self.now)

    async def discard(self, job: Job) -> None:
        """The first of its dead letters."""
        await self.kit.letters.discard((await self.letters(job))[0], self.now)

    async def is_live(self, job: Job) -> bool:
        """Whether it has not ended."""
        found = await self.kit.jobs.get(job.id)
        return found is not None and found.status in LIVE_STATES

    # --- what the cluster does ----------------------------------------------------------------------------

    async def run(self, seconds: float, judge: Judge = succeeds, *, by: float = 1.0) -> None:
        """Lets time pass, a little at a time, with everybody at work."""
        passed = 0.0
        while passed < seconds:
            step = min(by, seconds - passed)
            self.kit.time.advance(step)
            passed += step
            await self.turn(judge)

    async def turn(self, judge: Judge = succeeds) -> None:
        """One round: the scheduler looks, workers run what is due, the janitor sweeps."""
        self.look()
        for _ in range(20):  # hooks and steps behind follow at once
            if not await self.work(judge):
                break
        await self.sweep()

    def down(self, seconds: float) -> None:
        """Time passes, and nobody is there."""
        self.kit.time.advance(seconds)

    def idle(self, seconds: float) -> None:
        """Time passes, and the scheduler does nothing but to keep its lock."""
        for _ in range(int(seconds // 5)):
            self.kit.time.advance(5)
            self._keep_lock()

    def _keep_lock(self) -> None:
        self.kit.locks.acquire(LOCK, "world", timedelta(seconds=10), {})

    def look(self) -> None:
        """As the scheduler does: makes what follows what is due soon, skips what is misfired."""
        kit, until = self.kit, self.now + LOOK_AHEAD
        self._keep_lock()
        since, gap = self.looked_to or self.now, None
        if self.now - since > MISFIRE_GRACE:
            gap = Gap(since, self.now)
        seen: set[str] = set()
        fresh = list(kit.agenda.due(until, None, 1_000))
        while fresh:
            seen |= {task.hint.task_id for task in fresh}
            extension = kit.agenda.extend(fresh, until, self.now, gap)
            self._catch_up(extension, until)
            fresh = [task for task in kit.agenda.due(until, None, 1_000) if task.hint.task_id not in seen]
        kit.agenda.stalled(self.now - timedelta(seconds=5), self.now, 100)
        self.looked_to = until

    def _catch_up(self, extension: Extension, until: datetime) -> None:
        unfinished = extension.unfinished
        for _ in range(20):
            if not unfinished:
                return
            unfinished = self.kit.agenda.catch_up(unfinished, until, self.now).unfinished

    async def work(self, judge: Judge) -> bool:
        """As workers do with what is due now; whether anything was."""
        hints = [task.hint for task in self.kit.agenda.due(self.now, None, 1_000)]
        hints = [*(h for h in hints if not h.slotted), *self._admitted([h for h in hints if h.slotted])]
        claims = await self.kit.claims.claim(hints, "worker", TTL) if hints else []
        ended: list[tuple[Claim, Transition]] = []
        for claim in claims:
            outcome = judge(claim.hint)
            if outcome is None:
                self.running[claim.hint.task_id] = claim
            else:
                ended.append((claim, self._decided(claim.hint, outcome)))
        await self._end(ended)
        return bool(claims)

    def _admitted(self, hints: Sequence[Hint]) -> Sequence[Hint]:
        return self.kit.admissions.admit(hints, self.now).admitted if hints else []

    def _decided(self, hint: Hint, outcome: Outcome) -> Transition:
        attempt = Attempt(hint.task_id, hint.attempt, hint.retry, self.now)
        return decide(attempt, outcome, None, ceil_millis(self.now))

    async def _end(self, ended: Sequence[tuple[Claim, Transition]]) -> None:
        """As the reporter does with outcomes."""
        kit, now = self.kit, self.now
        lost = await kit.commits.commit([_commit(claim, move) for claim, move in ended], now) if ended else ()
        kept = [(claim.hint, move) for claim, move in ended if claim.hint.task_id not in lost]
        steps = [(hint, move) for hint, move in kept if hint.kind is TaskKind.STEP]
        solo = [hint.job_id for hint, move in steps if hint.solo and move.target not in OPEN_STATES]
        await kit.jobs.complete_solo(solo, now)
        await kit.slots.release([(hint.job_id, hint.cause or "") for hint, _ in steps if hint.slotted], now)
        await kit.jobs.settle([hint.job_id for hint, _ in steps if not hint.solo], now)

    async def finish(self, outcome: Outcome | None = None) -> None:
        """Ends what runs: so, or by handing it back."""
        running, self.running = list(self.running.values()), {}
        back = release("handed back")
        await self._end([(c, self._decided(c.hint, outcome) if outcome else back) for c in running])

    async def sweep(self) -> None:
        """As the janitor does: reaps, settles, frees slots."""
        kit, now = self.kit, self.now
        for task in await kit.claims.expired(100):
            assert task.lease is not None
            self.running.pop(task.id, None)
            move = decide(Attempt(task.id, task.attempts, task.retry, None), LEASE_EXPIRED, None, now)
            commit = Commit(task.id, task.lease.id, move, seen_expiry=task.lease.expires_at)
            await kit.commits.commit([commit], now)
            await kit.jobs.settle([task.job_id], now)
        before = now - timedelta(seconds=10)
        await kit.jobs.settle([ident for _, ident in await kit.jobs.unsettled(before, None, 100)], now)
        await kit.slots.release(await kit.slots.abandoned(before, 100), now)


def _commit(claim: Claim, move: Transition) -> Commit:
    return Commit(claim.hint.task_id, claim.lease_id, move, claim.hint.linked)
