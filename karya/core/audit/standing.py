"""How a job stands as a whole: what it has come to, and whether anything is left behind."""

from collections.abc import Iterator
from datetime import datetime

from karya.core.audit.case import Case
from karya.core.audit.findings import Code, Finding
from karya.core.audit.records import TaskRecord
from karya.core.job import LIVE_STATES, JobState
from karya.core.policies import MisfirePolicy
from karya.core.ports.lifecycle import ChangeKind
from karya.core.task import OPEN_STATES, TaskState
from karya.core.times import format_instant


def check_standing(case: Case) -> Iterator[Finding]:
    """What is wrong with the job, judged when the last of its stretches is."""
    yield from _history(case)
    yield from _cursor(case)
    yield from _ends(case)
    yield from _ancestors(case)
    if case.job.status is JobState.ACTIVE:
        yield from _unsettled(case)
        yield from _cut(case)


def check_completed(case: Case) -> Iterator[Finding]:
    """A completed job has no open step, but in occurrences of which a dead letter was redriven."""
    if case.job.status is not JobState.COMPLETED:
        return
    for tasks in case.occurrences.values():
        open_ = next((task for task in tasks if task.status in OPEN_STATES), None)
        if open_ is not None and not any(_was_redriven(case, task) for task in tasks):
            text = f"is {open_.status}, although its job is completed"
            yield case.finding(Code.OPEN_AFTER_COMPLETION, text, task=open_)


def _was_redriven(case: Case, task: TaskRecord) -> bool:
    return case.story(task).is_redriven or not case.must_be_complete(task.instant)


def _history(case: Case) -> Iterator[Finding]:
    """The job is what was last done to it."""
    job, history = case.job, case.history
    if not history.is_sound:
        text = f"is version {job.version}, and its history tells of other versions"
        yield case.finding(Code.WRONG_HISTORY, text)
    last = history.standing
    paused = last is ChangeKind.PAUSED
    if (
        case.entry.is_whole
        and job.status in LIVE_STATES
        and (last is ChangeKind.CANCELLED or paused != (job.status is JobState.PAUSED))
    ):
        yield case.finding(Code.WRONG_HISTORY, f"is {job.status}, and was last {last or 'submitted'}")
    if case.entry.is_whole and job.status is JobState.CANCELLED and last is not ChangeKind.CANCELLED:
        yield case.finding(Code.WRONG_HISTORY, "is CANCELLED, and its history does not say so")


def _cursor(case: Case) -> Iterator[Finding]:
    """It says whether another instant follows. Where an update left nothing to make, it stands where that put
    it: instants may follow that had been dealt with before."""
    job, rest = case.job, case.history.line.rest
    if rest is not None:
        if rest != job.cursor or not rest.exhausted:
            text = "the cursor has moved, although its schedule had no instant left"
            yield case.finding(Code.WRONG_CURSOR, text, instant=job.cursor.at)
        return
    schedule = job.outline.schedule
    following = schedule.next_after(schedule.anchor(job.created_at), job.cursor.at, job.cursor.count)
    if job.cursor.exhausted != (following is None):
        left = "an instant is left" if following else "none is left"
        text = f"the cursor says the opposite of what the schedule does: {left}"
        yield case.finding(Code.WRONG_CURSOR, text, instant=job.cursor.at)


def _ends(case: Case) -> Iterator[Finding]:
    job = case.job
    if (job.status in LIVE_STATES) == (job.finished_at is not None):
        text = f"is {job.status}, and {'has' if job.finished_at else 'lacks'} a time of its end"
        yield case.finding(Code.NO_END, text)
    if job.status is JobState.COMPLETED and not job.cursor.exhausted:
        yield case.finding(Code.ENDED_EARLY, "is COMPLETED, although instants are left")


def _ancestors(case: Case) -> Iterator[Finding]:
    at = case.entry.ancestor_cancelled_at
    is_live = case.job.status in LIVE_STATES
    if is_live and at is not None and case.moment.is_overdue(max(at, case.job.created_at)):
        text = (
            f"is {case.job.status}, although a job that it goes back to was cancelled at {format_instant(at)}"
        )
        yield case.finding(Code.LIVE_DESCENDANT, text)


def _unsettled(case: Case) -> Iterator[Finding]:
    job, entry = case.job, case.entry
    if not job.cursor.exhausted or entry.open_steps:
        return
    since = max(entry.ended_at or job.cursor.at, job.cursor.at)
    if case.moment.is_overdue(since):
        text = f"is ACTIVE, although all of it has ended by {format_instant(since)}"
        yield case.finding(Code.UNSETTLED, text)


def _cut(case: Case) -> Iterator[Finding]:
    """Somebody has to see the newest occurrence, or to look for a cut chain. One that catches up waits while
    as many late occurrences as its policy allows are open."""
    following = _following(case) if case.entry.stretch.holds(case.job.cursor.at) else None
    if following is None or not case.moment.is_overdue(following + case.job.outline.schedule.jitter):
        return
    catches_up = case.job.misfire.policy is MisfirePolicy.ALL and case.entry.open_steps > 0
    if not catches_up and not _waits_to_be_seen(case):
        text = f"the chain ends here, although {format_instant(following)} has passed"
        yield case.finding(Code.CUT_CHAIN, text, instant=case.job.cursor.at)


def _following(case: Case) -> datetime | None:
    job, schedule = case.job, case.job.outline.schedule
    anchor = schedule.anchor(job.created_at)
    return None if job.cursor.exhausted else schedule.next_after(anchor, job.cursor.at, job.cursor.count)


def _waits_to_be_seen(case: Case) -> bool:
    """Then it is the newest occurrence that is late, and is told of."""
    newest = f"at:{format_instant(case.job.cursor.at)}"
    tasks = case.occurrences.get(newest, ())
    return any(task.status is TaskState.READY and not task.held for task in tasks)
