"""The occurrences of a job as people see them: when each was due, how late it started, how long it took."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from karya.core.task import TaskKind, TaskState
from karya.core.views import TaskView

_WORST = (
    TaskState.DEAD,
    TaskState.RUNNING,
    TaskState.READY,
    TaskState.BLOCKED,
    TaskState.CANCELLED,
    TaskState.SKIPPED,
    TaskState.SUCCEEDED,
)
"""What an occurrence is said to be: the first of these that one of its steps is."""

WIDTH = 240.0
"""Of a bar, in the units of its drawing."""


@dataclass(frozen=True, slots=True)
class Bar:
    """How late and how long, as parts of a drawing."""

    late: float
    ran: float


@dataclass(frozen=True, slots=True)
class Run:
    """One occurrence with its steps and the hooks that it fired."""

    cause: str
    instant: datetime
    status: TaskState
    steps: tuple[TaskView, ...]
    hooks: tuple[TaskView, ...]
    started: datetime | None
    lateness: timedelta | None
    duration: timedelta | None
    attempts: int
    bar: Bar | None = None

    @property
    def how(self) -> str:
        """Why it is there."""
        return "by request" if self.cause.startswith("trigger:") else "by schedule"


def runs(tasks: Iterable[TaskView], now: datetime) -> list[Run]:
    """The occurrences that these tasks belong to, in their order. Hooks stand with the occurrence of their
    instant."""
    found = [_run(tuple(group), now) for _, group in groupby(tasks, key=lambda task: task.instant)]
    whole = [run for several in found for run in several]
    longest = max(((_zero(run.lateness) + _zero(run.duration)) for run in whole), default=timedelta(0))
    return [_with_bar(run, longest) for run in whole]


def _run(tasks: Sequence[TaskView], now: datetime) -> list[Run]:
    """Those of one instant: the schedule and a request may have met in it."""
    hooks = tuple(task for task in tasks if task.kind is TaskKind.HOOK)
    causes = list(dict.fromkeys(task.cause for task in tasks if task.kind is TaskKind.STEP))
    if not causes:
        return [_of("hook", tasks[0].instant, (), hooks, now)] if hooks else []
    several: list[Run] = []
    for number, cause in enumerate(causes):
        steps = tuple(task for task in tasks if task.cause == cause)
        several.append(_of(cause, steps[0].instant, steps, hooks if number == 0 else (), now))
    return several


def _of(
    cause: str, instant: datetime, steps: tuple[TaskView, ...], hooks: tuple[TaskView, ...], now: datetime
) -> Run:
    states = {task.status for task in steps or hooks}
    status = next(state for state in _WORST if state in states)
    starts = [task.started_at for task in steps if task.started_at]
    started = min(starts, default=None)
    ends = [task.finished_at for task in steps if task.finished_at and task.started_at]
    is_open = any(task.status is TaskState.RUNNING for task in steps)
    ended = now if is_open else max(ends, default=None)
    late = [task.lateness_ms for task in steps if task.lateness_ms is not None and task.started_at == started]
    return Run(
        cause=cause,
        instant=instant,
        status=status,
        steps=steps,
        hooks=hooks,
        started=started,
        lateness=timedelta(milliseconds=late[0]) if late else None,
        duration=max(ended - started, timedelta(0)) if started and ended else None,
        attempts=sum(task.attempts for task in steps or hooks),
    )


def _with_bar(run: Run, longest: timedelta) -> Run:
    if run.duration is None or not longest:
        return run
    late = WIDTH * (_zero(run.lateness) / longest)
    ran = max(WIDTH * (run.duration / longest), 2.0)
    values = {name: getattr(run, name) for name in Run.__slots__}
    return Run(**{**values, "bar": Bar(round(late, 1), round(min(ran, WIDTH - late), 1))})


def _zero(length: timedelta | None) -> timedelta:
    return max(length, timedelta(0)) if length else timedelta(0)


def last_of_steps(whole: Sequence[Run]) -> Iterator[TaskView]:
    """The steps of the latest occurrence that has begun, for the graph."""
    begun = next((run for run in whole if run.steps and run.started), None)
    run = begun or next((run for run in whole if run.steps), None)
    yield from run.steps if run else ()
