"""What the scheduler tells a worker about a due task: a hint, never a promise.

A hint may be lost, repeated, early or stale. `token` is the task's token when it was read, and the
claim succeeds only while it still is, so whatever a hint says is either current or refused. Instants were
checked when the task was stored; here they are taken as they are, because this is the hot path.
"""

from dataclasses import dataclass

from pydantic import AwareDatetime

from karya.core.action import ActionText
from karya.core.limits import Limits
from karya.core.pools import DEFAULT_POOL
from karya.core.priority import DEFAULT_PRIORITY
from karya.core.retry import DEFAULT_RETRY, RetryPolicy
from karya.core.steps import StepTimeout
from karya.core.task import Task, TaskKind
from karya.core.trace import Trace


@dataclass(frozen=True, slots=True)
class Hint:
    """A due task, as far as the worker needs it in order to claim and run it."""

    task_id: str
    job_id: str
    token: int
    attempts: int
    instant: AwareDatetime
    due_at: AwareDatetime
    kind: TaskKind = TaskKind.STEP
    solo: bool = False
    linked: bool = False
    """Its success has consequences of its own: steps behind it, or hooks."""
    slotted: bool = False
    """Its occurrence holds the slot of the job, which its last step gives back."""
    limits: Limits | None = None
    """What its claim has to keep to."""
    templated: bool = False
    """Its action takes in results of earlier steps, or the event."""
    cause: str | None = None
    """Its occurrence, where the worker needs to know it."""
    timeout: StepTimeout | None = None
    """How long one attempt may take, where the job says so."""
    retry: RetryPolicy = DEFAULT_RETRY
    pool: str = DEFAULT_POOL
    user_id: str | None = None
    priority: int = DEFAULT_PRIORITY
    action: ActionText | None = None
    """Left out when it is large, and of hooks; the worker then reads it with the claim."""
    trace: Trace | None = None
    """What it belongs to, where that is not a trace of its own."""

    @property
    def attempt(self) -> int:
        """The number of the attempt that a successful claim begins."""
        return self.attempts + 1


def hint_of(task: Task) -> Hint:
    """What a worker has to be told of this task."""
    return Hint(
        task_id=task.id,
        job_id=task.job_id,
        kind=task.kind,
        token=task.token,
        attempts=task.attempts,
        instant=task.instant,
        due_at=task.due_at,
        solo=task.solo,
        linked=task.linked,
        slotted=task.slotted,
        limits=task.limits,
        templated=task.templated,
        cause=task.cause if task.linked or task.slotted or task.templated else None,
        timeout=task.timeout,
        retry=task.retry,
        pool=task.pool,
        user_id=task.user_id,
        priority=task.priority,
        action=None if task.kind is TaskKind.HOOK else task.action,
        trace=task.trace,
    )
