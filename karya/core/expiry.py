"""When history may go: pure rules over the tasks of one job."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from karya.core.policies import Retention
from karya.core.task import OPEN_STATES, TaskKind, TaskState


@dataclass(frozen=True, slots=True)
class Trace:
    """What of a task matters for its end."""

    task_id: str
    kind: TaskKind
    cause: str
    status: TaskState
    finished_at: datetime | None


def keeping_time(retention: Retention, states: Iterable[TaskState]) -> timedelta | None:
    """For how long what ended in these states is kept; None: for ever."""
    seen = frozenset(states)
    if TaskState.DEAD in seen:
        return retention.dead
    return retention.succeeded if seen <= {TaskState.SUCCEEDED} else retention.other


def shortest(retention: Retention) -> timedelta:
    """What no occurrence is gone before, counted from its end."""
    kept = (retention.succeeded, retention.other, retention.dead)
    return min(time for time in kept if time is not None)


def longest(retention: Retention) -> timedelta:
    """After what nothing of an occurrence is left, counted from its end, but dead letters that are kept for
    ever."""
    return max(retention.succeeded, retention.other, retention.dead or timedelta(0))


def job_kept(retention: Retention) -> timedelta:
    """For how long a job is kept that has ended."""
    return max(retention.succeeded, retention.other)


def pause(retention: Retention) -> timedelta:
    """How long not to look again at a history that goes on: then there is enough to remove together, and
    little of it is late by much, measured by how long it was kept."""
    return min(max(shortest(retention) / 100, timedelta(seconds=10)), timedelta(hours=1))


@dataclass(frozen=True, slots=True)
class Verdict:
    """The tasks to remove now, and when the first of the others may go; None: they stay for ever."""

    gone: Sequence[str]
    next_at: datetime | None


def judged(traces: Sequence[Trace], retention: Retention, now: datetime) -> Verdict:
    """What goes: all tasks of occurrences whose steps and hooks have all ended for long enough.

    Hooks of the job itself make up a group of their own.
    """
    gone: list[str] = []
    later: list[datetime] = []
    for group in _groups(traces):
        if not OPEN_STATES.isdisjoint(trace.status for trace in group):
            later.append(now + shortest(retention))
        elif (end := _kept_until(group, retention)) is not None:
            if end <= now:
                gone += [trace.task_id for trace in group]
            else:
                later.append(end)
    return Verdict(gone, min(later, default=None))


def _groups(traces: Sequence[Trace]) -> Iterable[Sequence[Trace]]:
    causes = {trace.task_id: trace.cause for trace in traces if trace.kind is TaskKind.STEP}
    groups: dict[str, list[Trace]] = defaultdict(list)
    for trace in traces:
        groups[_occurrence(trace, causes)].append(trace)
    return groups.values()


def _occurrence(trace: Trace, causes: Mapping[str, str]) -> str:
    """The cause that the task belongs to: of a hook (`hook:SOURCE/…`), that of the task that fired it."""
    if trace.kind is TaskKind.STEP:
        return trace.cause
    source = trace.cause.removeprefix("hook:").partition("/")[0]
    return causes.get(source, trace.cause)


def _kept_until(group: Sequence[Trace], retention: Retention) -> datetime | None:
    """Of tasks that have ended."""
    kept = keeping_time(retention, [trace.status for trace in group])
    ended = [trace.finished_at for trace in group if trace.finished_at is not None]
    return max(ended) + kept if ended and kept is not None else None
