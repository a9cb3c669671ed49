"""Which instants of a job had to run, might run, or must not have."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import takewhile

from tests.chaos.judge.facts import FOR_EVER, Drain, History, Job, Trouble


class Need(Enum):
    """How much an instant has to have a run."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    FORBIDDEN = "forbidden"


@dataclass(frozen=True, slots=True)
class Instant:
    """One instant of a job: when it is due, by when it must have started, and whether it must at all."""

    at: int
    due: int
    deadline: int
    need: Need


def instants_of(job: Job, history: History) -> Sequence[Instant]:
    """All instants of a job up to the end of the recording, those that were asked for by hand included."""
    if job.created is None:
        return []
    last = min(history.until, job.cancel.holds_from if job.cancel else FOR_EVER)
    scheduled = takewhile(lambda at: at <= last, job.schedule.instants(job.created))
    return [instant(job, at, history) for at in sorted({*scheduled, *dict(job.triggers)})]


def instant(job: Job, at: int, history: History) -> Instant:
    """One of them."""
    due = _due(job, at, history)
    deadline = _deadline(job, due, history)
    return Instant(at, due, deadline, _need(job, at, due, deadline, history))


def _due(job: Job, at: int, history: History) -> int:
    """From when on it can run: its instant, but not before the job was stored for certain."""
    if job.parent is None or job.parent.created is None:
        return max(at, dict(job.triggers).get(at, job.acked or 0))
    (chained,) = job.parent.schedule.instants(job.parent.created)
    return max(at, instant(job.parent, chained, history).deadline)


def _deadline(job: Job, due: int, history: History) -> int:
    """By when it must have started: the patience, begun anew behind every trouble and pause on the way."""
    patience = history.limits.patience + job.waits
    excuses = [(trouble.start, trouble.end) for trouble in history.troubles]
    excuses += [pause.possible for pause in job.pauses]
    deadline = due + patience
    for start, end in sorted(excuses):
        if start <= deadline and end >= due:
            deadline = max(deadline, end + patience)
    return deadline


def _need(job: Job, at: int, due: int, deadline: int, history: History) -> Need:
    if any(start < at < end for start, end in (pause.certain for pause in job.pauses)):
        return Need.FORBIDDEN
    if any(start <= at <= end for start, end in (pause.possible for pause in job.pauses)):
        return Need.OPTIONAL
    if job.cancel is not None and deadline >= job.cancel.at:
        return Need.OPTIONAL
    if job.skippable and _is_troubled(due, deadline, history):
        return Need.OPTIONAL
    return Need.REQUIRED


def _is_troubled(due: int, deadline: int, history: History) -> bool:
    """Whether there was trouble, or workers ended, or the instant before may have been late because of it."""
    patience = history.limits.patience
    spans: tuple[Trouble | Drain, ...] = (*history.troubles, *history.drains)
    return any(span.start <= deadline and span.end + patience >= due for span in spans)
