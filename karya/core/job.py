"""What a client asks for (`JobSpec`) and what Karya keeps of it (`Job`)."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Generic, TypeVar, Union, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SerializeAsAny

from karya.core.action import Action, ActionText
from karya.core.errors import InvalidInput
from karya.core.hook import Hook, HookSpec, Trigger
from karya.core.ids import new_id
from karya.core.retry import RetryPolicy
from karya.core.schedule import Once, Schedule
from karya.core.text import printable
from karya.core.times import Instant, format_instant

A = TypeVar("A", bound=Action)
MAX_ACTION_BYTES = 8 * 1024 * 1024  # of a job and its hooks together: MongoDB documents end at 16 MiB


class JobState(StrEnum):
    """Where a job stands."""

    ACTIVE = "ACTIVE"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"


class JobSpec(BaseModel, Generic[A]):
    """A job as a client writes it: what to do, when, how patiently, and what to do afterwards."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    description: Annotated[str, Field(max_length=1000), AfterValidator(printable)] = ""
    user_id: Annotated[str, Field(max_length=100)] | None = None
    schedule: Schedule = Field(default_factory=Once)
    action: SerializeAsAny[A]
    retry: RetryPolicy = Field(default_factory=RetryPolicy)
    hooks: Annotated[tuple[HookSpec[A], ...], Field(max_length=20)] = ()


def spec_model(actions: Iterable[type[Action]]) -> type[JobSpec[Action]]:
    """The JobSpec whose `action` is one of these kinds, told apart by `type`."""
    kinds = tuple(actions)
    union = kinds[0] if len(kinds) == 1 else Annotated[Union[kinds], Field(discriminator="type")]  # noqa: UP007
    return cast("type[JobSpec[Action]]", cast(Any, JobSpec)[union])


class Cursor(BaseModel):
    """How far the occurrences of a job have been made into tasks."""

    model_config = ConfigDict(frozen=True)

    at: Instant
    """The newest instant that has a task."""
    count: int
    """How many instants have been scheduled, that one included."""
    exhausted: bool
    """No instant follows it."""


class Job(BaseModel):
    """A stored job. `version` rises with every change to what the client wrote."""

    model_config = ConfigDict(frozen=True)

    id: str
    user_id: str | None = None
    description: str = ""
    schedule: Schedule
    action: ActionText
    retry: RetryPolicy
    hooks: tuple[Hook, ...] = ()
    status: JobState = JobState.ACTIVE
    version: int = 1
    cursor: Cursor
    created_at: Instant
    updated_at: Instant
    finished_at: Instant | None = None

    @property
    def anchor(self) -> datetime:
        """The instant from which the schedule counts."""
        return self.schedule.anchor(self.created_at)

    def next_cursor(self, at: datetime, count: int) -> Cursor | None:
        """The cursor behind the instant `at`, which was number `count`; None when none follows."""
        following = self.schedule.next_after(self.anchor, at, count)
        if following is None:
            return None
        return cursor_at(self.schedule, self.anchor, following, count + 1)

    def upcoming(self, now: datetime) -> datetime | None:
        """The next instant after `now`, whether or not it has a task yet; None when the job has none left."""
        if self.status is not JobState.ACTIVE:
            return None
        newest = self.cursor.at
        if now < newest:  # of what has tasks already, it may be an earlier one
            return min(self.schedule.next_after(self.anchor, now, 0) or newest, newest)
        seen = self.cursor.count + self.schedule.passed(newest, now)
        return self.schedule.next_after(self.anchor, now, seen)

    def hooks_on(self, trigger: Trigger) -> tuple[Hook, ...]:
        """The hooks that this trigger fires."""
        return tuple(hook for hook in self.hooks if hook.trigger is trigger)


def cursor_at(schedule: Schedule, anchor: datetime, at: datetime, count: int) -> Cursor:
    """A cursor on this instant, which is number `count`."""
    exhausted = schedule.next_after(anchor, at, count) is None
    return Cursor(at=at, count=count, exhausted=exhausted)


def new_job(spec: JobSpec[Action], now: datetime) -> Job:
    """The job that a spec becomes when it is submitted now.

    Raises InvalidInput when the schedule has no instant at all, or when its actions are too large to store.
    """
    schedule = spec.schedule
    first = schedule.first(now)
    if first is None:
        raise _never_runs(schedule, now)
    action = spec.action.model_dump_json()
    hooks = tuple(Hook.of(hook) for hook in spec.hooks)
    size = sum(len(text.encode()) for text in (action, *(hook.action for hook in hooks)))
    if size > MAX_ACTION_BYTES:
        message = f"{size:,} bytes; the actions of a job and its hooks are at most {MAX_ACTION_BYTES:,} bytes"
        raise InvalidInput.at("hooks" if hooks else "action", message)
    return Job(
        id=new_id(now),
        user_id=spec.user_id,
        description=spec.description,
        schedule=schedule,
        action=action,
        retry=spec.retry,
        hooks=hooks,
        cursor=cursor_at(schedule, schedule.anchor(now), first, 1),
        created_at=now,
        updated_at=now,
    )


def warnings_of(spec: JobSpec[Action], now: datetime) -> tuple[str, ...]:
    """What a client should hear about a valid spec that may not do what was meant."""
    schedule = spec.schedule
    if isinstance(schedule, Once) and schedule.at is not None and schedule.at < now:
        return (f"schedule.at, {format_instant(schedule.at)}, is in the past: the job runs now",)
    return ()


def _never_runs(schedule: Schedule, now: datetime) -> InvalidInput:
    endless = schedule.model_copy(update={"end_at": None})
    first = endless.first(now)
    if first is None:
        return InvalidInput.at("schedule.start_at", "leaves no room for a run before the year 9000")
    return InvalidInput.at("schedule.end_at", f"leaves no room for the first run, at {format_instant(first)}")
