"""What the scheduler is told of jobs that were just stored."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from karya.core.hint import Hint, hint_of
from karya.core.ports import Submission
from karya.core.task import CLAIM_AHEAD, Task, TaskState

_MOST_TOLD = 20
"""Of so many the hints themselves; more are read for less."""
_MOST_CHARACTERS = 2048
"""An action that is longer is not carried about, but read where it is needed."""


def news_of(submissions: Iterable[Submission], now: datetime) -> tuple[datetime | None, Sequence[Hint]]:
    """When the first of their tasks is due that the scheduler has to look for, and the others: see
    `karya.core.ports.queue.Poke`."""
    ready = [task for each in submissions for task in each.tasks if task.status is TaskState.READY]
    told = [task for task in ready if _needs_no_look(task, now)]
    if len(told) > _MOST_TOLD:
        told = []
    ids = {task.id for task in told}
    due_at = min((task.due_at for task in ready if task.id not in ids), default=None)
    return due_at, [hint_of(task) for task in told]


def _needs_no_look(task: Task, now: datetime) -> bool:
    """Whether it may be claimed at once, and nothing has to be made before it runs."""
    is_only = task.count == 1 and not task.recurring
    return is_only and task.due_at <= now + CLAIM_AHEAD and len(task.action) <= _MOST_CHARACTERS
