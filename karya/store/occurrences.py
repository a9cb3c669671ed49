"""The tasks of one occurrence, looked at together."""

from karya.core.occurrence import VERSION_TOKENS
from karya.core.task import TaskState
from karya.store.blocking import Document

_UNSTARTED = frozenset({TaskState.READY.value, TaskState.BLOCKED.value})


def is_untouched(task: Document) -> bool:
    """Whether the task waits and was never started: a claim that was handed back, or a redrive, shows in
    none of status and attempts."""
    return task["status"] in _UNSTARTED and task["attempts"] == 0 and task["token"] % VERSION_TOKENS == 0
