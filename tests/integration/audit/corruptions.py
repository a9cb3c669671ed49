"""Everything that can be wrong with one job, made of a true ledger by changing one thing in it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from karya.core.audit.case import Case
from karya.core.audit.findings import Code
from karya.core.audit.history import History
from karya.core.audit.records import Entry, Moment, RangeRecord, TaskRecord
from karya.core.audit.story import Became, Story, story_of
from karya.core.errorlog import log_id
from karya.core.ids import task_id
from karya.core.job import JobState
from karya.core.misfire import SkipRange
from karya.core.ports.lifecycle import ChangeKind
from karya.core.remaking import REPLACED_REASON
from karya.core.resuming import PAUSED_REASON
from karya.core.schedule import Once
from karya.core.task import TaskState
from karya.core.times import MILLISECOND, format_instant
from karya.core.transitions import DISCARDED, SKIPPED_ON_REQUEST

SECOND = timedelta(seconds=1)
HALF = timedelta(milliseconds=500)
"""Behind an instant: none of the schedules of these tests has one there."""

S = TaskState


@dataclass(frozen=True)
class Corrupted:
    """A ledger with one thing wrong, and what the judge has to say: one of these codes, of this instant and
    this task where they are given."""

    entry: Entry
    codes: frozenset[Code]
    instant: datetime | None = None
    task_id: str | None = None


Corruption = Callable[[Entry], Iterator[Corrupted]]
"""All the ways in which it can be done to an entry."""

CORRUPTIONS: dict[str, Corruption] = {}


def corruption(make: Corruption) -> Corruption:
    """Notes it under its name."""
    CORRUPTIONS[make.__name__] = make
    return make


# --- how entries are changed --------------------------------------------------------------------------------


def with_tasks(entry: Entry, changes: Mapping[str, TaskRecord | None], *more: TaskRecord) -> Entry:
    """The entry with some tasks changed, None: without them, and others beside them."""
    tasks = [changes.get(task.id, task) for task in entry.tasks]
    logs = {(changes.get(ident) or _Same(ident)).id: found for ident, found in entry.logs.items()}
    return replace(entry, tasks=[*(task for task in tasks if task is not None), *more], logs=logs)


@dataclass(frozen=True)
class _Same:
    id: str


def changed(entry: Entry, task: TaskRecord, *codes: Code, **changes: Any) -> Corrupted:
    """One task with other fields."""
    new = replace(task, **changes)
    return Corrupted(with_tasks(entry, {task.id: new}), frozenset(codes), task_id=new.id)


def renamed(task: TaskRecord, instant: datetime, **changes: Any) -> TaskRecord:
    """The same task as that of another instant, under the right id."""
    cause = f"at:{format_instant(instant)}"
    moved = instant - task.instant
    return replace(
        task,
        id=task_id(task.job_id, cause, task.step),
        cause=cause,
        instant=instant,
        due_at=task.due_at + moved,
        started_at=task.started_at and task.started_at + moved,
        **changes,
    )


def occurrences(entry: Entry) -> Iterable[Sequence[TaskRecord]]:
    """The scheduled ones."""
    return [tasks for tasks in Case(entry, ANY_MOMENT).occurrences.values() if tasks[0].is_scheduled]


def steps(entry: Entry, *states: TaskState) -> Iterator[TaskRecord]:
    """Its steps that are in one of these states, or any."""
    return (task for task in entry.tasks if task.is_step and (not states or task.status in states))


def story(entry: Entry, task: TaskRecord) -> Story:
    """What became of the attempts at a task."""
    return story_of(task, entry.logs.get(task.id, ()))


ANY_MOMENT = Moment(now=datetime.fromisoformat("2026-11-23T12:00:00Z"), patience=SECOND)


def history(entry: Entry) -> History:
    """What was done to its job."""
    return History(entry.job, entry.steers, is_whole=entry.is_whole)


# --- instants -----------------------------------------------------------------------------------------------


@corruption
def an_occurrence_dropped(entry: Entry) -> Iterator[Corrupted]:
    for tasks in occurrences(entry):
        gone = with_tasks(entry, dict.fromkeys([task.id for task in tasks]))
        yield Corrupted(gone, frozenset({Code.MISSING_INSTANT}), tasks[0].instant)


@corruption
def an_occurrence_moved(entry: Entry) -> Iterator[Corrupted]:
    for tasks in occurrences(entry):
        moved = {task.id: renamed(task, task.instant + HALF) for task in tasks}
        wrong = with_tasks(entry, moved)
        yield Corrupted(wrong, frozenset({Code.MISSING_INSTANT}), tasks[0].instant)
        extra = frozenset({Code.EXTRA_INSTANT, Code.AFTER_END, Code.BEYOND_MAX_RUNS})
        yield Corrupted(wrong, extra, tasks[0].instant + HALF)


@corruption
def an_instant_at_the_end(entry: Entry) -> Iterator[Corrupted]:
    schedule = entry.job.outline.schedule
    end = None if isinstance(schedule, Once) else schedule.end_at
    tasks = [task for task in steps(entry) if task.is_scheduled and task.version == entry.job.version]
    if end is not None and tasks:
        late = renamed(tasks[-1], end, count=tasks[-1].count + 1)
        yield Corrupted(with_tasks(entry, {}, late), frozenset({Code.AFTER_END}), end, late.id)


@corruption
def a_run_beyond_max_runs(entry: Entry) -> Iterator[Corrupted]:
    schedule, cursor = entry.job.outline.schedule, entry.job.cursor
    if isinstance(schedule, Once) or schedule.max_runs is None or cursor.count < schedule.max_runs:
        return
    endless = schedule.model_copy(update={"max_runs": None, "end_at": None})
    following = endless.next_after(schedule.anchor(entry.job.created_at), cursor.at, 0)
    tasks = [t for t in steps(entry) if t.is_scheduled and t.version == entry.job.version]
    if following is not None and tasks and (schedule.end_at is None or following < schedule.end_at):
        more = renamed(tasks[-1], following, count=cursor.count + 1)
        yield Corrupted(with_tasks(entry, {}, more), frozenset({Code.BEYOND_MAX_RUNS}), following, more.id)


@corruption
def a_cursor_without_task(entry: Entry) -> Iterator[Corrupted]:
    job = entry.job
    schedule = job.outline.schedule
    following = schedule.next_after(schedule.anchor(job.created_at), job.cursor.at, job.cursor.count)
    if following is not None and not job.cursor.exhausted:
        ahead = job.cursor.model_copy(update={"at": following, "count": job.cursor.count + 1})
        wrong = replace(entry, job=replace(job, cursor=ahead))
        yield Corrupted(wrong, frozenset({Code.MISSING_INSTANT}), following)


@corruption
def a_cursor_that_miscounts(entry: Entry) -> Iterator[Corrupted]:
    cursor = entry.job.cursor
    if history(entry).line.rest is None:
        wrong = cursor.model_copy(update={"count": cursor.count + 1})
        job = replace(entry.job, cursor=wrong)
        yield Corrupted(replace(entry, job=job), frozenset({Code.WRONG_CURSOR}), cursor.at)


@corruption
def a_cursor_that_does_not_know_the_end(entry: Entry) -> Iterator[Corrupted]:
    cursor = entry.job.cursor
    wrong = cursor.model_copy(update={"exhausted": not cursor.exhausted})
    yield Corrupted(
        replace(entry, job=replace(entry.job, cursor=wrong)), frozenset({Code.WRONG_CURSOR}), cursor.at
    )


@corruption
def a_number_changed(entry: Entry) -> Iterator[Corrupted]:
    for tasks in occurrences(entry):
        task = tasks[0]
        if _is_numbered_once(entry, task):
            yield changed(entry, task, Code.WRONG_NUMBER, count=task.count + 1)


def _is_numbered_once(entry: Entry, task: TaskRecord) -> bool:
    line = history(entry).line
    chain = line.numbering(task.version, task.instant)
    return chain is not None and chain.has(task.instant)


# --- ranges -------------------------------------------------------------------------------------------------


@corruption
def a_range_over_a_task(entry: Entry) -> Iterator[Corrupted]:
    for tasks in occurrences(entry):
        run = SkipRange(tasks[0].instant, tasks[0].instant, 1, "misfired: more than PT1S late")
        both = replace(entry, ranges=[*entry.ranges, RangeRecord(run, tasks[0].version, tasks[0].instant)])
        yield Corrupted(both, frozenset({Code.DUPLICATE}), tasks[0].instant)


@corruption
def a_range_dropped(entry: Entry) -> Iterator[Corrupted]:
    for record in entry.ranges:
        rest = [other for other in entry.ranges if other is not record]
        yield Corrupted(replace(entry, ranges=rest), frozenset({Code.MISSING_INSTANT}), record.range.first)


@corruption
def a_range_twice(entry: Entry) -> Iterator[Corrupted]:
    for record in entry.ranges:
        twice = replace(entry, ranges=[*entry.ranges, record])
        yield Corrupted(twice, frozenset({Code.DUPLICATE}), record.range.first)


@corruption
def a_range_that_miscounts(entry: Entry) -> Iterator[Corrupted]:
    for record in entry.ranges:
        wrong = with_range(entry, record, count=record.range.count + 1)
        yield Corrupted(wrong, frozenset({Code.WRONG_RANGE}), record.range.first)


@corruption
def a_range_without_reason(entry: Entry) -> Iterator[Corrupted]:
    for record in entry.ranges:
        wrong = with_range(entry, record, reason="")
        yield Corrupted(wrong, frozenset({Code.NO_REASON}), record.range.first)


def with_range(entry: Entry, record: RangeRecord, **changes: Any) -> Entry:
    """The entry with one range changed."""
    new = replace(record, range=replace(record.range, **changes))
    return replace(entry, ranges=[new if other is record else other for other in entry.ranges])


# --- occurrences --------------------------------------------------------------------------------------------


@corruption
def a_step_dropped(entry: Entry) -> Iterator[Corrupted]:
    for tasks in occurrences(entry):
        if len(tasks) > 1:
            gone = with_tasks(entry, {tasks[1].id: None})
            yield Corrupted(gone, frozenset({Code.MISSING_STEP}), tasks[0].instant)


@corruption
def a_step_of_no_version(entry: Entry) -> Iterator[Corrupted]:
    for task in steps(entry):
        other = replace(task, step="zz", id=task_id(task.job_id, task.cause, "zz"))
        yield Corrupted(with_tasks(entry, {}, other), frozenset({Code.EXTRA_STEP}), task.instant, other.id)


@corruption
def a_task_doubled(entry: Entry) -> Iterator[Corrupted]:
    for task in entry.tasks:
        twin = replace(task, id=f"f{task.id[1:]}" if task.id[0] != "f" else f"0{task.id[1:]}")
        yield Corrupted(with_tasks(entry, {}, twin), frozenset({Code.DUPLICATE}), task.instant)


@corruption
def a_gate_that_stays_shut(entry: Entry) -> Iterator[Corrupted]:
    for task in steps(entry, S.BLOCKED):
        ended = dict.fromkeys(task.waiting_on, S.SUCCEEDED)
        outcomes = {**task.outcomes, **ended}
        yield changed(entry, task, Code.STUCK_STEP, waiting_on=frozenset(), outcomes=outcomes)


@corruption
def a_gate_that_never_opened(entry: Entry) -> Iterator[Corrupted]:
    for task in steps(entry, S.SUCCEEDED, S.DEAD):
        if task.outcomes:
            waiting = frozenset(task.outcomes)
            yield changed(entry, task, Code.WRONG_GATE, waiting_on=waiting, outcomes={})


@corruption
def a_gate_that_was_told_lies(entry: Entry) -> Iterator[Corrupted]:
    for tasks in occurrences(entry):
        revived = any(story(entry, task).is_redriven or task.reason == DISCARDED for task in tasks)
        for task in () if revived else tasks:
            for name, told in task.outcomes.items():
                lie = S.SUCCEEDED if told is not S.SUCCEEDED else S.DEAD
                yield changed(entry, task, Code.WRONG_GATE, outcomes={**task.outcomes, name: lie})


@corruption
def a_step_open_in_a_completed_job(entry: Entry) -> Iterator[Corrupted]:
    if entry.job.status is JobState.COMPLETED:
        for tasks in occurrences(entry):
            if len(tasks) == 1 and tasks[0].status is S.SUCCEEDED and not entry.logs.get(tasks[0].id):
                fresh = {"status": S.READY, "attempts": 0, "token": tasks[0].first_token, "finished_at": None}
                yield changed(entry, tasks[0], Code.OPEN_AFTER_COMPLETION, **fresh)


# --- tasks --------------------------------------------------------------------------------------------------


@corruption
def another_id(entry: Entry) -> Iterator[Corrupted]:
    for task in entry.tasks:
        yield changed(entry, task, Code.WRONG_IDENTITY, id=f"{task.id[:-4]}beef")


@corruption
def another_owner(entry: Entry) -> Iterator[Corrupted]:
    for task in entry.tasks:
        yield changed(entry, task, Code.WRONG_OWNER, user_id="bob")


@corruption
def no_end(entry: Entry) -> Iterator[Corrupted]:
    for task in entry.tasks:
        end = None if task.finished_at else task.instant
        yield changed(entry, task, Code.NO_END, finished_at=end)


@corruption
def no_reason(entry: Entry) -> Iterator[Corrupted]:
    for task in entry.tasks:
        if task.status in (S.DEAD, S.CANCELLED, S.SKIPPED):
            yield changed(entry, task, Code.NO_REASON, reason=None)


@corruption
def a_success_without_attempt(entry: Entry) -> Iterator[Corrupted]:
    for task in entry.tasks:
        if task.status in (S.CANCELLED, S.SKIPPED, S.READY) and not task.attempts:
            done = {"status": S.SUCCEEDED, "finished_at": task.finished_at or task.instant}
            yield changed(entry, task, Code.NO_ATTEMPT, **done)


@corruption
def a_start_shifted_early(entry: Entry) -> Iterator[Corrupted]:
    for task in entry.tasks:
        if task.started_at is not None:
            yield changed(entry, task, Code.EARLY_START, started_at=task.instant - SECOND)


@corruption
def due_too_early(entry: Entry) -> Iterator[Corrupted]:
    for task in entry.tasks:
        yield changed(entry, task, Code.EARLY_DUE, due_at=task.instant - MILLISECOND)


@corruption
def due_before_its_jitter(entry: Entry) -> Iterator[Corrupted]:
    for task in steps(entry):
        if task.is_scheduled and task.due_at > task.instant:
            version = history(entry).version(task.version)
            if version and version.outline.schedule.due_at(task.job_id, task.instant) > task.instant:
                yield changed(entry, task, Code.EARLY_DUE, due_at=task.instant)


@corruption
def a_lease_lost(entry: Entry) -> Iterator[Corrupted]:
    for task in entry.tasks:
        if task.status is S.RUNNING:
            yield changed(entry, task, Code.NO_LEASE, leased=False, lease_until=None)


# --- attempts -----------------------------------------------------------------------------------------------


@corruption
def a_token_lowered(entry: Entry) -> Iterator[Corrupted]:
    for task in entry.tasks:
        if task.attempts:
            lower = task.first_token + task.attempts - 1
            yield changed(entry, task, Code.TOKEN_FELL, token=lower)


@corruption
def tokens_swapped(entry: Entry) -> Iterator[Corrupted]:
    tasks = [task for task in entry.tasks if task.attempts]
    for one in tasks:
        other = next((t for t in tasks if t.claims < one.attempts and t.first_token == one.first_token), None)
        if other is not None:
            swapped = {one.id: replace(one, token=other.token), other.id: replace(other, token=one.token)}
            yield Corrupted(with_tasks(entry, swapped), frozenset({Code.TOKEN_FELL}), task_id=one.id)


@corruption
def a_token_of_a_failed_attempt(entry: Entry) -> Iterator[Corrupted]:
    for task in entry.tasks:
        failed = story(entry, task).failed
        if task.status is S.SUCCEEDED and failed:
            yield changed(entry, task, Code.TWO_OUTCOMES, token=failed[-1].token)


@corruption
def one_attempt_too_many(entry: Entry) -> Iterator[Corrupted]:
    for task in entry.tasks:
        if task.attempts:
            most = task.retry.max_attempts + 1
            yield changed(entry, task, Code.TOO_MANY_ATTEMPTS, attempts=most, token=task.token + most)


@corruption
def an_attempt_forgotten(entry: Entry) -> Iterator[Corrupted]:
    for task in entry.tasks:
        told = story(entry, task)
        if told.failed and not told.is_redriven and task.status is not S.CANCELLED:
            logs = {**entry.logs, task.id: entry.logs[task.id][1:]}
            yield Corrupted(replace(entry, logs=logs), frozenset({Code.ATTEMPTS_DISAGREE}), task_id=task.id)


@corruption
def an_attempt_under_a_token_to_come(entry: Entry) -> Iterator[Corrupted]:
    for task in entry.tasks:
        if entry.logs.get(task.id):
            first, *rest = entry.logs[task.id]
            stray = replace(first, id=log_id(task.id, task.token + 1))
            logs = {**entry.logs, task.id: [stray, *rest]}
            yield Corrupted(replace(entry, logs=logs), frozenset({Code.TOKEN_FELL}), task_id=task.id)


@corruption
def a_retry_before_its_backoff(entry: Entry) -> Iterator[Corrupted]:
    for task in entry.tasks:
        failed = story(entry, task).failed
        if failed and failed[-1].became is Became.RETRIED and task.status is not S.CANCELLED:
            logs = [
                replace(log, at=task.due_at) if log.id == log_id(task.id, failed[-1].token) else log
                for log in entry.logs[task.id]
            ]
            wrong = replace(entry, logs={**entry.logs, task.id: logs})
            yield Corrupted(wrong, frozenset({Code.EARLY_RETRY}), task_id=task.id)


# --- steering -----------------------------------------------------------------------------------------------


@corruption
def a_paused_task_that_may_run(entry: Entry) -> Iterator[Corrupted]:
    if entry.job.status is JobState.PAUSED:
        for task in steps(entry, S.READY, S.BLOCKED):
            yield changed(entry, task, Code.NOT_HELD, held=False)


@corruption
def a_task_held_for_nothing(entry: Entry) -> Iterator[Corrupted]:
    if entry.job.status is JobState.ACTIVE:
        for task in steps(entry, S.READY, S.BLOCKED):
            if task.cause != entry.job.queued:
                yield changed(entry, task, Code.HELD, held=True)


@corruption
def a_run_out_of_a_pause(entry: Entry) -> Iterator[Corrupted]:
    for task in steps(entry, S.SKIPPED):
        alone = sum(other.cause == task.cause for other in entry.tasks) == 1
        if task.reason == PAUSED_REASON and not task.slotted and alone and task.finished_at:
            late = task.finished_at + SECOND
            ran = {"status": S.SUCCEEDED, "attempts": 1, "token": task.token + 1, "leased": True}
            yield changed(entry, task, Code.RAN_FROM_PAUSE, **ran, started_at=late, finished_at=late)


@corruption
def a_skip_that_nobody_asked_for(entry: Entry) -> Iterator[Corrupted]:
    for task in steps(entry, S.SKIPPED):
        if task.reason in (PAUSED_REASON, SKIPPED_ON_REQUEST, REPLACED_REASON) and task.finished_at:
            moved = task.finished_at + MILLISECOND
            yield changed(entry, task, Code.SKIP_WITHOUT_CAUSE, finished_at=moved)


@corruption
def a_range_skipped_for_a_request_that_was_not(entry: Entry) -> Iterator[Corrupted]:
    for record in entry.ranges:
        if record.range.reason in (PAUSED_REASON, REPLACED_REASON):
            moved = replace(record, at=record.at + MILLISECOND)
            rest = [other for other in entry.ranges if other is not record]
            wrong = replace(entry, ranges=[*rest, moved])
            yield Corrupted(wrong, frozenset({Code.SKIP_WITHOUT_CAUSE}), record.range.first)


@corruption
def a_trigger_lost(entry: Entry) -> Iterator[Corrupted]:
    for tasks in Case(entry, ANY_MOMENT).occurrences.values():
        if tasks[0].cause.startswith("trigger:"):
            gone = with_tasks(entry, dict.fromkeys([task.id for task in tasks]))
            yield Corrupted(gone, frozenset({Code.TRIGGER_LOST}), tasks[0].instant)


@corruption
def a_trigger_that_nobody_pulled(entry: Entry) -> Iterator[Corrupted]:
    for place, at in enumerate(entry.triggers):
        rest = [other for number, other in enumerate(entry.triggers) if number != place]
        yield Corrupted(replace(entry, triggers=rest), frozenset({Code.TRIGGER_WITHOUT_CAUSE}), at)


@corruption
def an_outcome_on_a_cancelled_job(entry: Entry) -> Iterator[Corrupted]:
    if entry.job.status is JobState.CANCELLED and entry.job.finished_at:
        late = entry.job.finished_at + timedelta(minutes=10)
        for task in steps(entry, S.CANCELLED):
            ran = {"status": S.SUCCEEDED, "attempts": 1, "token": task.token + 1, "leased": True}
            yield changed(entry, task, Code.OUTCOME_AFTER_CANCEL, **ran, started_at=late, finished_at=late)


@corruption
def a_version_forgotten(entry: Entry) -> Iterator[Corrupted]:
    for steer in entry.steers:
        if steer.kind is ChangeKind.UPDATED:
            rest = [other for other in entry.steers if other is not steer]
            yield Corrupted(replace(entry, steers=rest), frozenset({Code.WRONG_HISTORY}))


@corruption
def a_state_that_the_history_does_not_know(entry: Entry) -> Iterator[Corrupted]:
    other = {JobState.ACTIVE: JobState.PAUSED, JobState.PAUSED: JobState.ACTIVE}.get(entry.job.status)
    if other is not None:
        yield Corrupted(replace(entry, job=replace(entry.job, status=other)), frozenset({Code.WRONG_HISTORY}))


@corruption
def completed_too_early(entry: Entry) -> Iterator[Corrupted]:
    if not entry.job.cursor.exhausted and entry.job.status is JobState.ACTIVE:
        job = replace(entry.job, status=JobState.COMPLETED, finished_at=entry.job.cursor.at)
        yield Corrupted(replace(entry, job=job), frozenset({Code.ENDED_EARLY}))


@corruption
def an_end_forgotten(entry: Entry) -> Iterator[Corrupted]:
    job = entry.job
    end = None if job.finished_at else job.cursor.at
    yield Corrupted(replace(entry, job=replace(job, finished_at=end)), frozenset({Code.NO_END}))


# --- hooks --------------------------------------------------------------------------------------------------


@corruption
def a_hook_missing(entry: Entry) -> Iterator[Corrupted]:
    unclear = {
        task.id
        for task in steps(entry)
        if any(one.became is Became.UNCLEAR for one in story(entry, task).failed)
    }
    for task in entry.tasks:
        source = task.cause.removeprefix("hook:").partition("/")[0]
        if not task.is_step and source not in unclear:
            yield Corrupted(with_tasks(entry, {task.id: None}), frozenset({Code.HOOK_MISSING}))


@corruption
def a_hook_that_nothing_fired(entry: Entry) -> Iterator[Corrupted]:
    """Of another token, another misfire, another number."""
    for task in entry.tasks:
        if not task.is_step:
            cause = f"{task.cause.rpartition('/')[0]}/97"
            more = replace(task, cause=cause, id=task_id(task.job_id, cause, task.step))
            wrong = with_tasks(entry, {}, more)
            yield Corrupted(wrong, frozenset({Code.HOOK_WITHOUT_CAUSE}), task_id=more.id)


@corruption
def a_hook_of_an_outcome_that_was_not(entry: Entry) -> Iterator[Corrupted]:
    for task in entry.tasks:
        parts = task.cause.split("/")
        if not task.is_step and len(parts) == 3 and parts[1].isdecimal():
            cause = f"{parts[0]}/{int(parts[1]) + 7}/{parts[2]}"
            more = replace(task, cause=cause, id=task_id(task.job_id, cause, task.step))
            wrong = with_tasks(entry, {}, more)
            yield Corrupted(wrong, frozenset({Code.HOOK_WITHOUT_CAUSE}), task_id=more.id)
