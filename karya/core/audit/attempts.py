"""The attempts at a task: how many, how far apart, and under which tokens."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise

from karya.core.audit.case import Case
from karya.core.audit.findings import Code, Finding
from karya.core.audit.records import TaskRecord
from karya.core.audit.story import Became, Failed, Story
from karya.core.task import CLOCKS_AGREE, TaskState
from karya.core.times import format_instant

_UNTRIED = frozenset({TaskState.BLOCKED, TaskState.SKIPPED, TaskState.READY})
_RAN_LAST = frozenset({TaskState.SUCCEEDED, TaskState.DEAD})
_ENDED = frozenset({TaskState.DEAD, TaskState.CANCELLED})


def check_attempts(case: Case) -> Iterator[Finding]:
    """What is wrong with the attempts at the tasks inside the stretch."""
    for task in case.entry.tasks:
        story = case.story(task)
        yield from _tokens(case, task, story)
        yield from _number(case, task, story)
        yield from _backoff(case, task, story)


def _tokens(case: Case, task: TaskRecord, story: Story) -> Iterator[Finding]:
    if task.attempts > task.claims:
        text = f"has had {task.attempts} attempts, and its token has risen {max(task.claims, 0)} times only"
        yield case.finding(Code.TOKEN_FELL, text, task=task)
    if story.strays:
        text = f"has failed {story.strays} times under tokens that it has not had, or not had yet"
        yield case.finding(Code.TOKEN_FELL, text, task=task)
    last = story.failed[-1].token if story.failed else None
    if task.status is TaskState.SUCCEEDED and last == task.token:
        text = f"has SUCCEEDED and failed under one token, {task.token}"
        yield case.finding(Code.TWO_OUTCOMES, text, task=task)


def _number(case: Case, task: TaskRecord, story: Story) -> Iterator[Finding]:
    if task.attempts > task.retry.max_attempts:
        text = f"has had {task.attempts} attempts, and its policy allows {task.retry.max_attempts}"
        yield case.finding(Code.TOO_MANY_ATTEMPTS, text, task=task)
    if case.must_be_complete(task.instant) and not _is_accounted_for(task, story.failed):
        text = (
            f"is {task.status} at attempt {task.attempts}, and {len(story.failed)} failed ones are on record"
        )
        yield case.finding(Code.ATTEMPTS_DISAGREE, text, task=task)


def _is_accounted_for(task: TaskRecord, failed: Sequence[Failed]) -> bool:
    """Whether each attempt but the last has failed, and said so."""
    if failed:
        return failed[0].attempt == 1 and all(one.became for one in failed)
    if task.status in _UNTRIED:
        return task.attempts == 0
    if task.status is TaskState.CANCELLED:
        return task.attempts <= 1
    return task.attempts == 1 and task.status is not TaskState.DEAD


def _backoff(case: Case, task: TaskRecord, story: Story) -> Iterator[Finding]:
    """By the clock of whoever stored the failure: to the millisecond for when the next attempt was due, else
    as exactly as two processes agree on the time."""
    for one, following in pairwise(story.failed):
        if one.became is Became.RETRIED and following.at < _next(task, one) - CLOCKS_AGREE:
            yield _early(case, task, one, f"the next one had failed by {format_instant(following.at)}")
    last = _last_retried(task, story.failed)
    if last is None:
        return
    if task.due_at < _next(task, last):
        yield _early(case, task, last, f"the next one was due at {format_instant(task.due_at)}")
        return
    started = task.started_at if task.status in _RAN_LAST and task.token > last.token else None
    if started is not None and started < _next(task, last) - CLOCKS_AGREE:
        yield _early(case, task, last, f"the next one started at {format_instant(started)}")


def _last_retried(task: TaskRecord, failed: Sequence[Failed]) -> Failed | None:
    """The failure to which the task's present `due_at` goes back."""
    before = failed[:-1] if failed and failed[-1].token == task.token and task.status in _ENDED else failed
    return before[-1] if before and before[-1].became is Became.RETRIED else None


def _next(task: TaskRecord, failed: Failed) -> datetime:
    """When the attempt behind this one might begin."""
    return failed.at + task.retry.wait_after(failed.attempt, task.id)


def _early(case: Case, task: TaskRecord, failed: Failed, what: str) -> Finding:
    wait = f"not before {format_instant(_next(task, failed))}"
    return case.finding(
        Code.EARLY_RETRY, f"attempt {failed.attempt} was to be followed {wait}; {what}", task=task
    )
