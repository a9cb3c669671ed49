"""The model: what was asked for, what was seen, and what targets and clients were told.

It knows nothing of Karya's code; `rules` hold what is stored against it.
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.model.acts import Held, Said
from tests.model.book import Book
from tests.model.sharing import Gate
from tests.model.snapshot import Document, Snapshot, lease

_LET_GO = timedelta(milliseconds=10)
"""Who is let go more than once at one moment is due a millisecond later each time, and may be claimed by the
hint of the first."""


@dataclass
class Execution:
    """An action under way in a worker, which relies on its lease until then."""

    lease: str
    trusted_until: datetime


@dataclass
class Ledger:
    """The history of one example."""

    clock: Callable[[], datetime]
    seen: Snapshot = field(default_factory=Snapshot)
    books: dict[str, Book] = field(default_factory=dict)
    ended: dict[Held, Said] = field(default_factory=dict)
    """What is stored of attempts, as their workers said it."""
    errors: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """How many failed attempts are stored of each task."""
    retry_at: dict[str, datetime] = field(default_factory=dict)
    """Before when a task may not start again."""
    executions: dict[str, list[Execution]] = field(default_factory=lambda: defaultdict(list))
    gone: dict[str, Document] = field(default_factory=dict)
    """Tasks that history has forgotten."""
    discarded: set[str] = field(default_factory=set)
    counted: dict[Gate, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    """When attempts under a rate were claimed."""
    roomy: dict[str, datetime] = field(default_factory=dict)
    """Since when a concurrency limit that somebody waits for has had room, and nobody was let go."""
    heaviest: dict[str | None, int] = field(default_factory=lambda: defaultdict(lambda: 1))
    """The largest weight that each user has ever had: when a scheduler comes to know of one is open."""
    starts: int = 0
    moves: Counter[str] = field(default_factory=Counter)

    @property
    def now(self) -> datetime:
        """The time of the database, which stands still while anybody acts."""
        return self.clock()

    def family(self, job_id: str) -> set[str]:
        """A job and all that descend from it."""
        family = {job_id}
        while more := {i for i, book in self.books.items() if book.parent in family} - family:
            family |= more
        return family

    def submitted(self, job_ids: set[str]) -> None:
        """A submission was acknowledged: all of it is there (I1)."""
        assert job_ids <= self.books.keys(), f"acknowledged, but not stored: {job_ids - self.books.keys()}"

    def cancel_acknowledged(self, job_id: str) -> None:
        """From now on nothing of it, nor of what it submitted, starts (I4, I8)."""
        for one in self.family(job_id) & self.seen.jobs.keys():
            status = self.seen.jobs[one]["status"]
            assert status in ("CANCELLED", "COMPLETED"), f"{job_id} is cancelled, but {one} is {status}"
            if status == "CANCELLED":
                waiting = [t["_id"] for t in self.seen.steps(one) if t["status"] in ("READY", "BLOCKED")]
                assert not waiting, f"{one} is cancelled, but not its {waiting}"
                self.books[one].cancelled = True

    def pause_acknowledged(self, job_id: str) -> None:
        """From now on nothing of it starts until somebody asks for it (I4)."""
        self.books[job_id].paused = True

    def started(self, task_id: str, token: int, attempt: int, execution: Execution) -> None:
        """A target hears of an attempt."""
        task, now = self.seen.tasks[task_id], self.now
        book = self.books[task["job_id"]]
        assert (task["status"], task["lease"]["id"]) == ("RUNNING", execution.lease), (
            f"not the holder: {task}"
        )
        assert (task["token"], task["attempts"]) == (token, attempt), f"not what was claimed: {task}"
        slack = _LET_GO if book.versions[task["job_version"]].sharing.limits else timedelta(0)
        assert now >= task["due_at"] - slack and now >= task["instant"], f"early at {now}: {task}"
        assert now >= self.retry_at.get(task_id, now), f"before its backoff: {task}"
        rivals = [one for one in self.executions[task_id] if one.trusted_until > now]
        assert not rivals, f"two at once: {task}, {rivals}"
        assert attempt <= self.most_attempts(task), f"once too often: {task}"
        if task["kind"] == "step":
            assert not book.cancelled, f"after its cancel: {task}"
            assert not book.paused, f"after its pause: {task}"
        self.executions[task_id].append(execution)
        self.starts += 1

    def stopped(self, task_id: str, lease: str) -> None:
        """The action has ended, or its worker has."""
        self.executions[task_id] = [one for one in self.executions[task_id] if one.lease != lease]

    def reported(self, held: Held, said: Said, *, kept: bool, certain: bool) -> None:
        """What a worker was told of its report; what the store itself answered is true either way."""
        stored, task = self.ended.get(held), self.seen.tasks.get(held[0], {})
        is_same = stored is said or task.get("status") == "CANCELLED"  # as it would have been by either
        assert not kept or is_same, f"{held} said {said}, stored is {stored}: {task}"
        is_plain = lease(task) == held[1] and task["status"] in ("SUCCEEDED", "DEAD")
        wronged = certain and not kept and stored is not None and is_plain  # else others went on with it
        assert not wronged, f"{held} was told that it had lost: stored is {task}"

    def most_attempts(self, task: Document) -> int:
        """What the policy says; the hooks of the model have the policy that nobody wrote."""
        if task["kind"] == "hook":
            return 4
        return self.books[task["job_id"]].versions[task["job_version"]].attempts

    def backoff(self, task: Document, attempt: int) -> timedelta:
        """How long to wait at least after this attempt."""
        if task["kind"] == "hook":
            return timedelta(seconds=2 ** (attempt - 1))
        return self.books[task["job_id"]].versions[task["job_version"]].backoff(attempt)
