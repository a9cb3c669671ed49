"""What became of each failed attempt of a task, told from its error logs and from how it stands now."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from karya.core.audit.records import LogRecord, TaskRecord
from karya.core.errorlog import log_id
from karya.core.task import TaskState
from karya.core.transitions import DISCARDED

_MOST_TOKENS = 20_000
"""Of one task: beyond that its failed attempts are not looked for."""


class Became(Enum):
    """What a failed attempt came to."""

    RETRIED = "retried"
    BURIED = "buried"
    STOPPED = "stopped"
    UNCLEAR = "retried or buried"
    """Both are possible: the task was redriven, or tried again, and then cancelled before it ran."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A failed attempt: under which token it ran, its number, and when it failed."""

    token: int
    attempt: int
    at: datetime
    became: Became | None
    """None: nothing that is possible fits what came after it."""


@dataclass(frozen=True, slots=True)
class Story:
    """The failed attempts of a task in their order; `strays` are entries of the error log under a token that
    the task has not had."""

    failed: tuple[Failed, ...] = ()
    strays: int = 0

    @property
    def is_redriven(self) -> bool:
        """Whether it was a dead letter, and somebody tried it again."""
        return any(one.became in (Became.BURIED, Became.UNCLEAR) for one in self.failed)


NOTHING_FAILED = Story()


def story_of(task: TaskRecord, logs: Sequence[LogRecord]) -> Story:
    """The story of a task with this error log."""
    if not logs:
        return NOTHING_FAILED
    found = list(_by_token(task, logs))
    failed = []
    for place, (token, log) in enumerate(found):
        following = found[place + 1][1].attempt if place + 1 < len(found) else None
        became = _before(log.attempt, following) if following else _last(task, token, log.attempt)
        if log.attempt >= task.retry.max_attempts:
            became = _of_the_last_attempt(became)
        failed.append(Failed(token, log.attempt, log.at, became))
    return Story(tuple(failed), len(logs) - len(found))


def _of_the_last_attempt(became: Became | None) -> Became | None:
    """One that the policy does not let follow by another."""
    if became is Became.UNCLEAR:
        return Became.BURIED
    return None if became is Became.RETRIED else became


def _by_token(task: TaskRecord, logs: Sequence[LogRecord]) -> Iterator[tuple[int, LogRecord]]:
    by_id = {log.id: log for log in logs}
    last = min(task.token, task.first_token + _MOST_TOKENS)
    for token in range(task.first_token + 1, last + 1):
        if (log := by_id.pop(log_id(task.id, token), None)) is not None:
            yield token, log
        if not by_id:
            return


def _before(attempt: int, following: int) -> Became | None:
    """What became of an attempt that another failed one followed."""
    if following == attempt + 1:
        return Became.RETRIED
    return Became.BURIED if following == 1 else None


def _last(task: TaskRecord, token: int, attempt: int) -> Became | None:
    """What became of the last failed attempt."""
    if task.token == token:
        return _unclaimed_since(task, attempt)
    match task.status:
        case TaskState.READY:  # claimed again, and handed back
            return {attempt: Became.RETRIED, 0: Became.BURIED}.get(task.attempts)
        case TaskState.RUNNING | TaskState.SUCCEEDED:
            return {attempt + 1: Became.RETRIED, 1: Became.BURIED}.get(task.attempts)
        case TaskState.CANCELLED:
            return _cancelled_since(task, attempt)
        case _:
            return None


def _unclaimed_since(task: TaskRecord, attempt: int) -> Became | None:
    match task.status:
        case TaskState.DEAD:
            return Became.BURIED if task.attempts == attempt else None
        case TaskState.READY:
            return {attempt: Became.RETRIED, 0: Became.BURIED}.get(task.attempts)
        case TaskState.CANCELLED if task.reason == DISCARDED:
            return Became.BURIED
        case TaskState.CANCELLED if task.attempts == 0:  # redriven, then cancelled
            return Became.BURIED
        case TaskState.CANCELLED:
            return Became.STOPPED if task.cancel_requested else Became.RETRIED
        case _:
            return None


def _cancelled_since(task: TaskRecord, attempt: int) -> Became | None:
    """Claimed again, and cancelled then: while it ran, or after it was handed back."""
    tried = task.attempts in (attempt, attempt + 1)
    redriven = task.attempts in (0, 1)
    if tried and redriven:
        return Became.UNCLEAR
    return Became.RETRIED if tried else Became.BURIED if redriven else None
