"""What Karya keeps of a job, and how far it has come."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict

from karya.core.action import Action, ActionText
from karya.core.errors import InvalidInput
from karya.core.graph import check_graph
from karya.core.hook import Hook, Trigger
from karya.core.ids import new_id
from karya.core.limits import Concurrency, Rate
from karya.core.made import unchecked
from karya.core.policies import DEFAULT_MISFIRE, DEFAULT_RETENTION, Misfire, Overlap, Retention
from karya.core.pools import DEFAULT_POOL
from karya.core.priority import DEFAULT_PRIORITY
from karya.core.retry import RetryPolicy
from karya.core.schedule import Interval, Once, Schedule
from karya.core.sizes import check_sizes
from karya.core.spec import JobSpec
from karya.core.steps import Step, StepTimeout, step_of
from karya.core.times import Instant, floor_millis, format_duration, format_instant
from karya.core.trace import Trace

MAIN_STEP = "main"
"""The name of the step that a job with a single action has."""

_AS_WRITTEN = (
    *("name", "set", "description", "user_id", "tags", "schedule"),
    *("retry", "timeout", "pool", "priority", "misfire", "overlap", "concurrency", "rate", "retention"),
)
"""The fields that a job has just as the client wrote them."""

_ANY_NUMBER = 2**62
_MOST_PASSED = 100_000
"""How many instants of a calendar rule are counted to know how many are left; of an interval, any number."""


class JobState(StrEnum):
    """Where a job stands. A paused one makes no occurrences and starts no attempts until it is resumed."""

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"


LIVE_STATES = frozenset({JobState.ACTIVE, JobState.PAUSED})
"""The states in which a job can still be changed."""


class Cursor(BaseModel):
    """How far the occurrences of a job have been made into tasks."""

    model_config = ConfigDict(frozen=True)

    at: Instant
    """The newest instant that has tasks, or lies in a range that was skipped."""
    count: int
    """How many instants have been scheduled, that one included."""
    exhausted: bool
    """No instant follows it."""


class Job(BaseModel):
    """A stored job. `version` rises with every change to what the client wrote."""

    model_config = ConfigDict(frozen=True)

    id: str
    user_id: str | None = None
    parent_id: str | None = None
    """The job a chained action of which submitted this one."""
    ancestors: tuple[str, ...] = ()
    """The parent and all of its ancestors, the oldest first: cancelling any of them cancels this one (I8)."""
    name: str | None = None
    """Unique among the live jobs of its owner."""
    set: str | None = None
    """The jobs with which it was declared."""
    description: str = ""
    tags: tuple[str, ...] = ()
    schedule: Schedule
    steps: tuple[Step, ...]
    retry: RetryPolicy
    timeout: StepTimeout | None = None
    pool: str = DEFAULT_POOL
    priority: int = DEFAULT_PRIORITY
    hooks: tuple[Hook, ...] = ()
    misfire: Misfire = DEFAULT_MISFIRE
    overlap: Overlap = Overlap.ALLOW
    concurrency: Concurrency | None = None
    rate: Rate | None = None
    retention: Retention = DEFAULT_RETENTION
    status: JobState = JobState.ACTIVE
    version: int = 1
    cursor: Cursor
    slot: str | None = None
    """The cause of the occurrence that runs, where occurrences must not overlap."""
    queued: str | None = None
    """The cause of the one that waits for the slot."""
    skipped: tuple[Instant, ...] = ()
    """Instants that were skipped on request, as far as they were still to come then. They have tasks, and lie
    behind the cursor only where the job was changed since."""
    created_at: Instant
    updated_at: Instant
    paused_at: Instant | None = None
    finished_at: Instant | None = None
    trace: Trace | None = None
    """The span of its submission."""

    @property
    def anchor(self) -> datetime:
        """The instant from which the schedule counts."""
        return self.schedule.anchor(self.created_at)

    @property
    def single(self) -> bool:
        """Whether the client wrote one action rather than steps."""
        return len(self.steps) == 1 and self.steps[0].name == MAIN_STEP

    @property
    def text_bytes(self) -> int:
        """The size of all its actions: what bounds how many are written in one transaction."""
        return sum(map(len, _texts(self.steps, self.hooks)))

    def next_cursor(self, at: datetime, count: int) -> Cursor | None:
        """The cursor behind the instant `at`, which was number `count`; None when none follows."""
        return next(self.cursors_behind(at, count), None)

    def cursors_behind(self, at: datetime, count: int) -> Iterator[Cursor]:
        """The cursors on the instants behind `at`, which was number `count`, in their order."""
        following = self.schedule.next_after(self.anchor, at, count)
        while following is not None:
            at, count = following, count + 1
            following = self.schedule.next_after(self.anchor, at, count)
            yield _cursor(at=at, count=count, exhausted=following is None)

    def upcoming(self, now: datetime) -> datetime | None:
        """The next instant after `now`, whether or not it has a task yet; None when the job has none left."""
        return next(self.ahead(now), None) if self.status is JobState.ACTIVE else None

    def occurred(self, now: datetime) -> int:
        """How many of the instants that were scheduled have come by `now`."""
        if self.cursor.at <= now:
            return self.cursor.count
        if self.cursor.count == 1:
            return 0
        ahead = self.schedule.run_past(self.anchor, now, self.cursor.at, self.cursor.count)
        return self.cursor.count - ahead.count

    def ahead(self, now: datetime) -> Iterator[datetime]:
        """The instants after `now` in their order, without those that were skipped on request."""
        at, newest = now, self.cursor.at
        while at < newest:  # these have tasks already
            at = min(self.schedule.next_after(self.anchor, at, 0) or newest, newest)
            if at not in self.skipped:
                yield at
        seen = self.cursor.count + self._passed(newest, now)
        while (following := self.schedule.next_after(self.anchor, at, seen)) is not None:
            if following not in self.skipped:
                yield following
            at, seen = following, seen + 1

    def _passed(self, newest: datetime, now: datetime) -> int:
        """How many instants lie between the newest one that has tasks and now: what the chain is behind."""
        most = _ANY_NUMBER if isinstance(self.schedule, Interval) else _MOST_PASSED
        counts = now > newest and self.schedule.max_runs is not None
        return self.schedule.run_past(self.anchor, newest, now, most).count if counts else 0

    def hooks_on(self, *triggers: Trigger) -> tuple[Hook, ...]:
        """The hooks that these triggers fire."""
        return tuple(hook for hook in self.hooks if hook.trigger in triggers)

    def spec(self) -> Mapping[str, Any]:
        """What the client wrote, in its wire form; the starting point of a change."""
        wire: dict[str, Any] = self.model_dump(mode="json", include={*_AS_WRITTEN})
        hooks = [{**hook.model_dump(mode="json"), "action": orjson.loads(hook.action)} for hook in self.hooks]
        steps = [{**step.model_dump(mode="json"), "action": orjson.loads(step.action)} for step in self.steps]
        work = {"action": steps[0]["action"]} if self.single else {"steps": steps}
        return {**wire, **work, "hooks": hooks}


_cursor = unchecked(Cursor)
_job = unchecked(Job)


def cursor_at(schedule: Schedule, anchor: datetime, at: datetime, count: int) -> Cursor:
    """A cursor on this instant, which is number `count`."""
    exhausted = schedule.next_after(anchor, at, count) is None
    return _cursor(at=at, count=count, exhausted=exhausted)


def new_job(
    spec: JobSpec[Action],
    now: datetime,
    *,
    ident: str | None = None,
    parent: Job | None = None,
    trace: Trace | None = None,
) -> Job:
    """The job that a spec becomes when it is submitted now, under an id of its own or the given one. What
    `trace` names, a job with one instant belongs to; the occurrences of others follow it.

    Raises InvalidInput when the schedule has no instant at all, its steps make no graph, or its actions are
    too large to store.
    """
    schedule, now = spec.schedule, floor_millis(now)
    first = schedule.first(now)
    if first is None:
        raise _never_runs(schedule, now)
    cursor = cursor_at(schedule, schedule.anchor(now), first, 1)
    return _job(
        id=ident or new_id(now),
        parent_id=parent.id if parent else None,
        ancestors=(*parent.ancestors, parent.id) if parent else (),
        cursor=cursor,
        created_at=now,
        updated_at=now,
        trace=trace if trace is None or cursor.exhausted else trace.followed(),
        **written(spec),
    )


def written(spec: JobSpec[Action]) -> dict[str, Any]:
    """The fields of a Job that say what the client wrote. Raises InvalidInput as `new_job` does."""
    if spec.action is not None:
        steps: tuple[Step, ...] = (step_of(name=MAIN_STEP, action=spec.action.model_dump_json()),)
    else:
        steps = tuple(map(Step.of, spec.steps))
        if errors := check_graph(steps):
            raise InvalidInput(errors)
    hooks = tuple(map(Hook.of, spec.hooks))
    check_sizes([field for field, _ in spec.actions], (*steps, *hooks))
    return {"steps": steps, "hooks": hooks, **{name: getattr(spec, name) for name in _AS_WRITTEN}}


def normal_form(spec: JobSpec[Action], now: datetime) -> Mapping[str, Any]:
    """What `Job.spec` of this spec would be, whether or not it has an instant that is still to come. Raises
    InvalidInput when its steps make no graph, or its actions are too large to store."""
    nowhere = Cursor(at=now, count=0, exhausted=True)
    return Job(id="", cursor=nowhere, created_at=now, updated_at=now, **written(spec)).spec()


def _texts(steps: Sequence[Step], hooks: Sequence[Hook]) -> Sequence[ActionText]:
    return [*(step.action for step in steps), *(hook.action for hook in hooks)]


def warnings_of(spec: JobSpec[Action], now: datetime) -> tuple[str, ...]:
    """What a client should hear about a valid spec that may not do what was meant."""
    return (*_of_schedule(spec.schedule, now), *_of_retries(spec))


def _of_schedule(schedule: Schedule, now: datetime) -> Iterator[str]:
    if isinstance(schedule, Once) and schedule.at is not None and schedule.at < now:
        yield f"schedule.at, {format_instant(schedule.at)}, is in the past: the job runs now"


def _of_retries(spec: JobSpec[Action]) -> Iterator[str]:
    for field, retry in spec.retries:
        if retry.is_kept_from_growing:
            delay, most = format_duration(retry.delay), format_duration(retry.max_delay)
            yield (
                f"{field}: each wait is {delay}, as max_delay is {most}: give a larger one for waits that "
                "grow, or backoff constant"
            )


def _never_runs(schedule: Schedule, now: datetime) -> InvalidInput:
    field, message = schedule.why_never(now)
    return InvalidInput.at(f"schedule.{field}" if field else "schedule", message)
