"""What was done to a job by request: that its tasks heeded it, and did nothing of the kind without."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from karya.core.audit.case import Case
from karya.core.audit.findings import Code, Finding
from karya.core.audit.history import Pause
from karya.core.audit.records import RangeRecord, TaskRecord
from karya.core.job import JobState
from karya.core.remaking import REPLACED_REASON
from karya.core.resuming import PAUSED_REASON
from karya.core.schedule import Once
from karya.core.task import CLOCKS_AGREE, OPEN_STATES, START_WITHIN, TaskState
from karya.core.times import format_instant
from karya.core.transitions import SKIPPED_ON_REQUEST

_UNSTARTED = frozenset({TaskState.READY, TaskState.BLOCKED})
_RAN = frozenset({TaskState.SUCCEEDED, TaskState.DEAD})


def check_steering(case: Case) -> Iterator[Finding]:
    """What is wrong with pauses, skips, triggers and the cancel, as far as the stretch shows it."""
    for task in case.steps:
        yield from _paused(case, task)
        yield from _cancelled(case, task)
        yield from _skipped(case, task)
    for record in case.entry.ranges:
        yield from _skipped_range(case, record)
    yield from _triggers(case)


def _paused(case: Case, task: TaskRecord) -> Iterator[Finding]:
    """Nothing starts in a pause; and what was to start in it, and had not been claimed before, never does.

    The pause is told by when it was asked for. What was claimed just before it was stored may have started.
    """
    started = task.started_at
    if started is None:
        return
    for pause in case.history.pauses:
        until = pause.until or case.moment.now
        if pause.since + case.moment.patience < started < until - CLOCKS_AGREE:
            text = f"started at {format_instant(started)}, in the pause since {format_instant(pause.since)}"
            yield case.finding(Code.STARTED_IN_PAUSE, text, task=task)
        if _should_have_been_skipped(case, task, started, pause):
            text = f"has run, although its instant passed in the pause since {format_instant(pause.since)}"
            yield case.finding(Code.RAN_FROM_PAUSE, text, task=task)


def _should_have_been_skipped(case: Case, task: TaskRecord, started: datetime, pause: Pause) -> bool:
    """One that needs the slot of its job may have held it already, of which nothing is left on record."""
    version = case.history.version(task.version)
    if pause.until is None or not pause.holds(task.instant) or started <= pause.until + START_WITHIN:
        return False
    if version is None or isinstance(version.outline.schedule, Once) or not task.is_scheduled or task.slotted:
        return False
    return all(_was_untouched(step, pause.until) for step in case.occurrences[task.cause])


def _was_untouched(step: TaskRecord, until: datetime) -> bool:
    """Whether the step is known not to have been claimed by then."""
    if step.claims == 0:
        return True
    first_claim = step.claims == 1 and step.started_at is not None and step.status in _RAN
    return first_claim and step.started_at is not None and step.started_at > until + START_WITHIN


def _cancelled(case: Case, task: TaskRecord) -> Iterator[Finding]:
    """Once the cancel has reached all tasks, nothing starts, and nothing becomes a dead letter."""
    ended_at = case.job.finished_at
    if case.job.status is not JobState.CANCELLED or ended_at is None:
        return
    if task.status in OPEN_STATES:
        if (task.status in _UNSTARTED or not task.cancel_requested) and case.moment.is_overdue(ended_at):
            text = f"is {task.status}, although its job was cancelled at {format_instant(ended_at)}"
            yield case.finding(Code.OPEN_AFTER_CANCEL, text, task=task)
        return
    limit = ended_at + case.moment.patience
    died = task.status is TaskState.DEAD and task.finished_at is not None and task.finished_at > limit
    if died or (task.started_at is not None and task.started_at > limit):
        text = f"has come to {task.status} behind the cancel of its job at {format_instant(ended_at)}"
        yield case.finding(Code.OUTCOME_AFTER_CANCEL, text, task=task)


def _skipped(case: Case, task: TaskRecord) -> Iterator[Finding]:
    """A task that was skipped by request was skipped at the very moment of one."""
    if (
        task.status is not TaskState.SKIPPED
        or task.finished_at is None
        or not _is_recent(case, task.finished_at)
    ):
        return
    asked = _asked(case, task.reason)
    if asked is not None and task.finished_at not in asked:
        text = f"was skipped at {format_instant(task.finished_at)} ({task.reason}), when nobody asked for it"
        yield case.finding(Code.SKIP_WITHOUT_CAUSE, text, task=task)


def _skipped_range(case: Case, record: RangeRecord) -> Iterator[Finding]:
    run = record.range
    if not run.reason:
        yield case.finding(
            Code.NO_REASON, "begins a range that was skipped without a reason", instant=run.first
        )
    asked = _asked(case, run.reason) if _is_recent(case, record.at) else None
    if asked is not None and record.at not in asked:
        text = f"begins a range that was skipped ({run.reason}), when nobody asked for it"
        yield case.finding(Code.SKIP_WITHOUT_CAUSE, text, instant=run.first)


def _asked(case: Case, reason: str | None) -> frozenset[datetime] | None:
    """When somebody did what this reason names; None for one that names no request."""
    history = case.history
    times = {
        PAUSED_REASON: history.resumes,
        SKIPPED_ON_REQUEST: history.skips,
        REPLACED_REASON: history.changes,
    }
    return times.get(reason or "")


def _is_recent(case: Case, at: datetime) -> bool:
    """Whether what was done to the job at that time is known."""
    return case.entry.is_whole or at > case.entry.steers[0].at


def _triggers(case: Case) -> Iterator[Finding]:
    """Each trigger has made one occurrence, whose instant is its time."""
    made = Counter(
        tasks[0].instant for tasks in case.occurrences.values() if tasks[0].cause.startswith("trigger:")
    )
    asked = Counter(case.entry.triggers)
    for at, count in (asked - made).items():
        if case.must_be_complete(at):
            text = f"{count} of the triggers of this time made nothing"
            yield case.finding(Code.TRIGGER_LOST, text, instant=at)
    for at, count in (made - asked).items():
        if case.must_be_complete(at):
            text = f"{count} of the triggered occurrences of this time were asked for by nobody"
            yield case.finding(Code.TRIGGER_WITHOUT_CAUSE, text, instant=at)
