"""Single tasks: what they are, when they may start, and how they have ended."""

from collections.abc import Iterator

from karya.core.audit.case import Case
from karya.core.audit.findings import Code, Finding
from karya.core.audit.records import TaskRecord
from karya.core.ids import task_id
from karya.core.job import JobState
from karya.core.task import CLOCKS_AGREE, OPEN_STATES, TaskState
from karya.core.times import format_instant

_ENDED_BY_RUNNING = frozenset({TaskState.SUCCEEDED, TaskState.DEAD})
_TELL_WHY = frozenset({TaskState.DEAD, TaskState.CANCELLED, TaskState.SKIPPED})


def check_tasks(case: Case) -> Iterator[Finding]:
    """What is wrong with the tasks inside the stretch, each looked at by itself."""
    for task in case.entry.tasks:
        yield from _identity(case, task)
        yield from _end(case, task)
        yield from _due(case, task)
        yield from _start(case, task)
        yield from _progress(case, task)


def _identity(case: Case, task: TaskRecord) -> Iterator[Finding]:
    if task.id != task_id(case.job.id, task.cause, task.step):
        text = f"is not the task of step {task.step!r} of {task.cause}: its id says otherwise"
        yield case.finding(Code.WRONG_IDENTITY, text, task=task)
    elif not _cause_fits(task) or not 1 <= task.version <= case.job.version:
        text = f"is of {task.cause} and version {task.version}, which cannot be"
        yield case.finding(Code.WRONG_IDENTITY, text, task=task)
    if task.user_id != case.job.user_id:
        text = f"belongs to {task.user_id!r}, its job to {case.job.user_id!r}"
        yield case.finding(Code.WRONG_OWNER, text, task=task)


def _cause_fits(task: TaskRecord) -> bool:
    if not task.is_step:
        return task.cause.startswith("hook:")
    if task.is_scheduled:
        return task.cause == f"at:{format_instant(task.instant)}"
    return task.cause.startswith("trigger:")


def _end(case: Case, task: TaskRecord) -> Iterator[Finding]:
    has_ended = task.status not in OPEN_STATES
    if has_ended != (task.finished_at is not None):
        text = f"is {task.status} without a time of its end" if has_ended else "is open, and has an end"
        yield case.finding(Code.NO_END, text, task=task)
    if task.status in _TELL_WHY and not task.reason:
        yield case.finding(Code.NO_REASON, f"is {task.status} without a reason", task=task)
    if task.status is TaskState.DEAD and not task.failed:
        yield case.finding(Code.NO_REASON, "is DEAD without an error", task=task)
    if task.status is TaskState.SUCCEEDED and not (task.attempts and task.started_at and task.leased):
        yield case.finding(Code.NO_ATTEMPT, "has SUCCEEDED without an attempt", task=task)


def _due(case: Case, task: TaskRecord) -> Iterator[Finding]:
    """Not before its instant, and not before the jitter of its schedule."""
    earliest = task.instant
    version = case.history.version(task.version)
    if task.is_scheduled and version is not None:
        earliest = version.outline.schedule.due_at(case.job.id, task.instant)
    if task.due_at < earliest:
        text = f"is due at {format_instant(task.due_at)}, before {format_instant(earliest)}"
        yield case.finding(Code.EARLY_DUE, text, task=task)


def _start(case: Case, task: TaskRecord) -> Iterator[Finding]:
    """By the clock of its worker. A task that waits for another attempt tells when the last one started,
    and when the next one is due."""
    if task.started_at is None:
        return
    earliest = max(task.instant, task.due_at) if task.status in _ENDED_BY_RUNNING else task.instant
    if task.started_at < earliest - CLOCKS_AGREE:
        text = f"started at {format_instant(task.started_at)}, before {format_instant(earliest)}"
        yield case.finding(Code.EARLY_START, text, task=task)


def _progress(case: Case, task: TaskRecord) -> Iterator[Finding]:
    """An open task goes on by itself: somebody holds it, or somebody is to look at it."""
    match task.status:
        case TaskState.RUNNING:
            yield from _running(case, task)
        case TaskState.READY | TaskState.BLOCKED if task.is_step:
            yield from _held(case, task)
    if task.status is TaskState.READY and _may_run(case, task) and case.moment.is_overdue(task.due_at):
        text = f"has been due since {format_instant(task.due_at)}, and nobody holds it"
        yield case.finding(Code.OVERDUE, text, task=task)


def _running(case: Case, task: TaskRecord) -> Iterator[Finding]:
    if not task.leased or task.lease_until is None:
        yield case.finding(Code.NO_LEASE, "is RUNNING without a lease", task=task)
    elif case.moment.is_overdue(task.lease_until):
        text = f"is RUNNING under a lease that ran out at {format_instant(task.lease_until)}"
        yield case.finding(Code.LEASE_EXPIRED, text, task=task)


def _held(case: Case, task: TaskRecord) -> Iterator[Finding]:
    job = case.job
    if job.status is JobState.PAUSED and not task.held:
        yield case.finding(Code.NOT_HELD, "may be claimed, although its job is paused", task=task)
    if job.status is JobState.ACTIVE and task.held and not (task.parked or task.cause == job.queued):
        text = "is held, although its job is not paused and it waits neither for the slot nor for a limit"
        yield case.finding(Code.HELD, text, task=task)


def _may_run(case: Case, task: TaskRecord) -> bool:
    """Neither held nor waiting for another occurrence to end."""
    return not task.held and not (task.slotted and case.job.slot not in (None, task.cause))
