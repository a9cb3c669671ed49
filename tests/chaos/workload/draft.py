"""A job about to be submitted: what is sent, and the same as facts for the judge."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.chaos.judge.facts import HOOK, Job, Limit, Step
from tests.chaos.judge.schedules import Cron, Interval, Once, Schedule

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BACKOFF = 200
_ATTEMPTS = 30
"""So many that no fault uses them up."""

_WAITS = 30_000
"""So long those may wait who share a limit: what a fault has held up comes together behind it."""

HOOKS = ("ON_SUCCESS", "ON_FAILURE", "ON_COMPLETION", "ON_CANCELLED")


@dataclass(frozen=True)
class Work:
    """One step: how its target behaves, and how often it is tried."""

    name: str = "main"
    behaviour: str = "ok"
    after: tuple[str, ...] = ()
    when: str = "success"
    dies: bool = False
    max_attempts: int = _ATTEMPTS
    timeout: float | None = None
    redirects: int = 0
    action: Mapping[str, Any] | None = None
    """An action that calls no target."""

    def step(self) -> Step:
        """As the judge knows it."""
        return Step(
            self.name,
            self.after,
            self.when,
            self.dies,
            self.action is None,
            self.max_attempts,
            _BACKOFF,
            round((self.timeout or 30.0) * 1000),
        )


@dataclass(frozen=True)
class Steering:
    """What a client does with its job, so many seconds after it was stored."""

    cancel_after: float | None = None
    pause_after: float | None = None
    resume_after: float | None = None
    trigger_after: float | None = None


@dataclass(frozen=True)
class Sharing:
    """What a job shares with others."""

    seat: Limit | None = None
    window: Limit | None = None
    priority: int | None = None
    name: str | None = None
    user: str | None = None

    def fields(self) -> dict[str, Any]:
        """What is sent of it."""
        fields: dict[str, Any] = {"priority": self.priority, "name": self.name, "user_id": self.user}
        if self.seat is not None:
            fields["concurrency"] = {"key": self.seat.key, "limit": self.seat.most}
        if self.window is not None:
            per = duration(self.window.per)
            fields["rate"] = {"key": self.window.key, "limit": self.window.most, "per": per}
        return {name: value for name, value in fields.items() if value is not None}


@dataclass(frozen=True)
class Draft:
    """A job with everything that is to happen to it. An impatient client asks once."""

    key: str
    schedule: Schedule
    works: tuple[Work, ...] = (Work(),)
    hooks: tuple[str, ...] = ()
    policies: Mapping[str, Any] | None = None
    steering: Steering = Steering()
    sharing: Sharing = Sharing()
    child: "Draft | None" = None
    impatient: bool = False

    def spec(self, target: str) -> dict[str, Any]:
        """What is sent."""
        steps = [self._step(work, target) for work in self.works]
        spec: dict[str, Any] = {
            "schedule": wire(self.schedule),
            "hooks": [_hook(self.key, trigger, target) for trigger in self.hooks],
            **(self.policies or {}),
            **self.sharing.fields(),
        }
        if len(steps) == 1:
            return {**spec, "action": steps[0]["action"], "retry": steps[0]["retry"]}
        return {**spec, "steps": steps}

    def facts(self, sent: int, acked: int | None, created: int | None) -> Job:
        """What the judge is told."""
        return Job(
            self.key,
            self.schedule,
            sent,
            acked,
            created,
            tuple(work.step() for work in self.works),
            frozenset(self.hooks),
            skippable=self.policies is not None,
            alone="overlap" in (self.policies or {}),
            seat=self.sharing.seat,
            window=self.sharing.window,
            waits=_WAITS if self.sharing.seat or self.sharing.window else 0,
            name=self.sharing.name,
        )

    def _step(self, work: Work, target: str) -> dict[str, Any]:
        step = {"name": work.name, "after": work.after, "when": work.when, "retry": _retry(work.max_attempts)}
        if self.child is not None:
            return {**step, "action": {"type": "chain", "job": self.child.spec(target)}}
        return {**step, "action": work.action or _request(self.key, work, target)}


def chained(parent: Job, draft: Draft) -> Job:
    """The facts of the job that a chained action submits: `draft` counts from the instant of its parent."""
    assert isinstance(draft.schedule, Once)
    (instant,) = parent.schedule.instants(parent.created or parent.sent)
    schedule = Once(instant + draft.schedule.at)
    facts = draft.facts(parent.sent, parent.acked, None if parent.created is None else instant)
    return replace(facts, schedule=schedule, parent=parent, cancel=parent.cancel)


def wire(schedule: Schedule) -> dict[str, Any]:
    """A schedule as the API takes it. A single instant close to 1970 is a time after the submission."""
    match schedule:
        case Once(at):
            return (
                {"kind": "once", "after": duration(at)} if at < _YEAR else {"kind": "once", "at": instant(at)}
            )
        case Interval(every, anchor, max_runs, end):
            kind = {"kind": "interval", "every": duration(every)}
            bounds = {"start_at": instant(anchor), "max_runs": max_runs, "end_at": instant(end)}
        case Cron(expression, max_runs, end):
            kind = {"kind": "cron", "expression": expression, "timezone": "UTC"}
            bounds = {"max_runs": max_runs, "end_at": instant(end)}
    return {**kind, **{name: bound for name, bound in bounds.items() if bound is not None}}


_YEAR = 365 * 86_400_000


def instant(at: int | None) -> str | None:
    """RFC 3339."""
    return None if at is None else (_EPOCH + timedelta(milliseconds=at)).isoformat()


def millis(text: str) -> int:
    """Back again."""
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(milliseconds=1)


def duration(milliseconds: int) -> str:
    """ISO 8601."""
    return f"PT{milliseconds / 1000:.3f}S"


def _request(key: str, work: Work, target: str) -> dict[str, Any]:
    timeout = {} if work.timeout is None else {"timeout": duration(round(work.timeout * 1000))}
    url = f"{target}/{key}/{work.name}/{work.behaviour}"
    return {"type": "rest", "url": url, "redirects": work.redirects, **timeout}


def _hook(key: str, trigger: str, target: str) -> dict[str, Any]:
    action = {"type": "rest", "method": "POST", "url": f"{target}/{key}/{HOOK}{trigger}/ok"}
    return {"trigger": trigger, "action": action, "retry": _retry(_ATTEMPTS)}


def _retry(max_attempts: int) -> dict[str, Any]:
    return {"max_attempts": max_attempts, "backoff": "constant", "delay": duration(_BACKOFF)}
