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


def expired(traces: Sequence[Trace], retention: Retention, now: datetime) -> Sequence[str]:
    """The tasks to remove: all those of occurrences whose steps and hooks have all ended for long enough.

    Hooks of the job itself make up a group of their own.
    """
    groups = _groups(traces)
    return [trace.task_id for group in groups if _is_over(group, retention, now) for trace in group]


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


def _is_over(group: Sequence[Trace], retention: Retention, now: datetime) -> bool:
    states = [trace.status for trace in group]
    if not OPEN_STATES.isdisjoint(states):
        return False
    kept = keeping_time(retention, states)
    ended = [trace.finished_at for trace in group if trace.finished_at is not None]
    return kept is not None and bool(ended) and max(ended) + kept <= now
