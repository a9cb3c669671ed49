"""Which hooks must have been fired, told from what became of tasks, ranges and the job."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from karya.core.audit.history import History
from karya.core.audit.records import JobRecord, TaskRecord
from karya.core.audit.story import Became, Story
from karya.core.firing import FIRED_BY
from karya.core.hook import Trigger
from karya.core.ids import task_id
from karya.core.job import JobState
from karya.core.task import TaskState
from karya.core.times import format_instant
from karya.core.transitions import Move

_MOVES = {Became.RETRIED: (Move.RETRY,), Became.BURIED: (Move.BURY,), Became.UNCLEAR: (Move.RETRY, Move.BURY)}

AT_ONE_TIME = timedelta(minutes=1)
"""How far apart the clocks of two processes may show one moment: which version of a job a scheduler had in
its hands is only known that exactly."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A hook that something fires: its task, and whether it is certain that it was fired."""

    id: str
    cause: str
    trigger: Trigger
    certain: bool = True


def fired_by_task(history: History, task: TaskRecord, story: Story) -> Iterator[Expected]:
    """The hooks that the outcomes of a step have fired. Nothing for a version that is not known."""
    version = history.version(task.version)
    if version is None or not version.outline.hooks or not task.is_step:
        return
    for failed in story.failed:
        moves = _MOVES.get(failed.became, ()) if failed.became else ()
        for move in moves:
            triggers = version.outline.fired_by(FIRED_BY[move][1])
            yield from _numbered(task.job_id, f"{task.id}/{failed.token}", triggers, certain=len(moves) == 1)
    if task.status is TaskState.SUCCEEDED:
        triggers = version.outline.fired_by(FIRED_BY[Move.SUCCEED][1])
        yield from _numbered(task.job_id, f"{task.id}/{task.token}", triggers)


def fired_by_end(job: JobRecord) -> Iterator[Expected]:
    """The hooks that the end of a job has fired."""
    ends = {
        JobState.CANCELLED: (Trigger.ON_CANCELLED, "cancelled"),
        JobState.COMPLETED: (Trigger.ON_COMPLETION, "end"),
    }
    if job.status in ends:
        trigger, source = ends[job.status]
        triggers = job.outline.fired_by(frozenset({trigger}))
        yield from _numbered(job.id, f"{job.id}/{source}", triggers)


def fired_by_misfire(
    history: History, job_id: str, first: datetime, at: datetime
) -> Sequence[Sequence[Expected]]:
    """The hooks that a skip of misfired instants at this time has fired, the first of them `first`: one
    alternative for each version that the scheduler may have had in its hands."""
    source = f"{job_id}/misfired/{format_instant(first)}"
    found: list[Sequence[Expected]] = []
    for version in history.in_force(at, AT_ONE_TIME):
        triggers = version.outline.fired_by(frozenset({Trigger.ON_MISFIRE}))
        hooks = list(_numbered(job_id, source, triggers))
        if hooks not in found:
            found.append(hooks)
    return found


def _numbered(
    job_id: str, source: str, triggers: Sequence[Trigger], *, certain: bool = True
) -> Iterator[Expected]:
    for number, trigger in enumerate(triggers):
        cause = f"hook:{source}/{number}"
        yield Expected(task_id(job_id, cause, trigger.value), cause, trigger, certain)
