"""What a store hands to the conformance suites. A store's own tests provide it as the fixture `kit`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from karya.core.errorlog import ErrorLog
from karya.core.hint import hint_of
from karya.core.ports import (
    Admissions,
    Agenda,
    Claim,
    Claims,
    Commit,
    Commits,
    ErrorLogRepository,
    JobRepository,
    Limits,
    Locks,
    Slots,
    Submission,
    TaskRepository,
    UserRepository,
)
from karya.core.ports.history import LetterRepository, Retention
from karya.core.ports.ledger import Ledger
from karya.core.ports.lifecycle import History, HistoryPage, Lifecycle
from karya.core.ports.looks import Looks
from karya.core.task import Task, TaskKind
from karya.core.transitions import Transition
from tests.support.story import NOW

TTL = timedelta(seconds=20)


class HeldTime:
    """The database's clock, held still: it moves only when a test says so."""

    def __init__(self) -> None:
        self.now = NOW

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass(frozen=True)
class StoreKit:
    """An empty store. `claims` and `locks` go by `time`, the two of the server by its real clock."""

    time: HeldTime
    jobs: JobRepository
    tasks: TaskRepository
    lifecycle: Lifecycle
    history: History
    claims: Claims
    commits: Commits
    error_logs: ErrorLogRepository
    users: UserRepository
    agenda: Agenda
    admissions: Admissions
    limits: Limits
    locks: Locks
    slots: Slots
    letters: LetterRepository
    looks: Looks
    retention: Retention
    ledger: Ledger
    server_claims: Claims
    server_locks: Locks
    server_limits: Limits

    async def add(self, *submissions: Submission) -> None:
        """Stores jobs with their tasks."""
        await self.jobs.submit(submissions)

    async def claim(self, task: Task, owner: str = "worker") -> Claim:
        """Claims one task, which must succeed."""
        (claim,) = await self.claims.claim([hint_of(await self.task(task))], owner, TTL)
        return claim

    async def task(self, task: Task | str) -> Task:
        """The task as it is stored now."""
        found = await self.tasks.get(task if isinstance(task, str) else task.id)
        assert found is not None
        return found

    async def tasks_of(self, job_id: str) -> Sequence[Task]:
        """All tasks of a job."""
        return (await self.tasks.of_job(job_id, cursor=None, limit=1_000)).items

    async def errors_of(self, job_id: str) -> Sequence[ErrorLog]:
        """All errors of a job."""
        return (await self.error_logs.of_job(job_id, cursor=None, limit=1_000)).items

    async def history_of(self, job_id: str) -> HistoryPage:
        """What was done to a job and skipped of it."""
        return await self.history.page(job_id, cursor=None, limit=100)

    async def commit(self, claim: Claim, transition: Transition) -> frozenset[str]:
        """Commits one outcome under this claim; returns what was lost."""
        return await self.commits.commit([commit_of(claim, transition)], self.time.now)

    async def hooks_of(self, job_id: str) -> Sequence[Task]:
        """The hooks that a job has fired, the order in which they stand in the job."""
        hooks = [task for task in await self.tasks_of(job_id) if task.kind is TaskKind.HOOK]
        return sorted(hooks, key=lambda hook: hook.cause)


def commit_of(claim: Claim, transition: Transition) -> Commit:
    """What a worker would commit of this claim."""
    hint = claim.hint
    seat = hint.limits.seat if hint.limits else None
    return Commit(hint.task_id, claim.lease_id, transition, linked=hint.linked, seat=seat)
