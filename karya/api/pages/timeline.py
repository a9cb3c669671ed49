"""The occurrences of a job as people see them: when each was due, how late it started, how long it took."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from karya.api.pages.text import machine
from karya.core.task import TaskKind, TaskState
from karya.core.views import StepView, TaskView

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
    limit_wait: timedelta | None
    last: timedelta | None
    """How long the last attempt ran, if it was not the only one, of an occurrence of one step."""
    duration: timedelta | None
    attempts: int
    bar: Bar | None = None

    @property
    def ident(self) -> str:
        """Of this one among those of its job, as an id in HTML."""
        return f"{self.cause}-{machine(self.instant)}".replace(":", "-").replace(".", "-")

    def waits_for(self, kinds: Mapping[str, str]) -> list[str]:
        """What its steps wait for, of what is known by their ids; each once."""
        return list(dict.fromkeys(kinds[step.id] for step in self.steps if step.id in kinds))

    @property
    def is_open(self) -> bool:
        """Whether it is at work."""
        return self.status is TaskState.RUNNING

    @property
    def how(self) -> str:
        """Why it is there."""
        kind = self.cause.partition(":")[0]
        return {"trigger": "by request", "hook": "a hook"}.get(kind, "by schedule")


def runs(tasks: Iterable[TaskView], now: datetime, steps: Sequence[StepView] = ()) -> list[Run]:
    """The occurrences that these tasks belong to, the latest first, and their tasks as the job has the steps.
    A hook stands with the occurrence that fired it; one that the job itself has fired, or an occurrence of
    another page, by itself."""
    places = {step.name: number for number, step in enumerate(steps)}
    ordered = sorted(tasks, key=lambda task: places.get(task.step, len(places)))
    cause_of = {task.id: task.cause for task in ordered if task.kind is TaskKind.STEP}
    groups: dict[str, list[TaskView]] = {}
    for task in ordered:
        groups.setdefault(cause_of.get(_source(task), task.cause), []).append(task)
    whole = sorted((_run(group, now) for group in groups.values()), key=lambda run: run.instant, reverse=True)
    longest = max(((_zero(run.lateness) + _zero(run.duration)) for run in whole), default=timedelta(0))
    return [_with_bar(run, longest) for run in whole]


def _source(task: TaskView) -> str:
    """The task that fired a hook, or the task itself: `core.firing` names a hook's cause by its source."""
    return task.cause.removeprefix("hook:").partition("/")[0] if task.kind is TaskKind.HOOK else task.id


def _run(group: Sequence[TaskView], now: datetime) -> Run:
    steps = tuple(task for task in group if task.kind is TaskKind.STEP)
    hooks = tuple(task for task in group if task.kind is TaskKind.HOOK)
    first = (steps or hooks)[0]
    return _of(first.cause, first.instant, steps, hooks, now)


def _of(
    cause: str, instant: datetime, steps: tuple[TaskView, ...], hooks: tuple[TaskView, ...], now: datetime
) -> Run:
    states = {task.status for task in steps or hooks}
    status = next(state for state in _WORST if state in states)
    begun = [task for task in steps if task.first_started_at]
    first = min(begun, key=_first_start, default=None)
    started = first.first_started_at if first else None
    ends = [task.finished_at for task in steps if task.finished_at and task.started_at]
    is_open = any(task.status is TaskState.RUNNING for task in steps)
    ended = now if is_open else max(ends, default=None)
    return Run(
        cause=cause,
        instant=instant,
        status=status,
        steps=steps,
        hooks=hooks,
        started=started,
        lateness=_millis(first.lateness_ms) if first else None,
        limit_wait=_millis(max((task.limit_wait_ms for task in steps), default=0) or None),
        last=last_attempt(steps[0]) if len(steps) == 1 else None,
        duration=max(ended - started, timedelta(0)) if started and ended else None,
        attempts=sum(task.attempts for task in steps or hooks),
    )


def last_attempt(task: TaskView) -> timedelta | None:
    """How long the last attempt ran, if an earlier one is on record."""
    if task.started_at is None or task.finished_at is None or task.started_at == task.first_started_at:
        return None
    return max(task.finished_at - task.started_at, timedelta(0))


def _first_start(task: TaskView) -> datetime:
    return task.first_started_at or task.instant


def _millis(count: int | None) -> timedelta | None:
    return None if count is None else timedelta(milliseconds=count)


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
