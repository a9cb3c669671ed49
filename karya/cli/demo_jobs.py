"""The jobs of the demo, and what their target must see of them."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from karya.cli.demo_check import Expected
from karya.core.times import format_duration, format_instant
from karya.core.views import JobView, PreviewView

BROKEN = "/broken"
_ONCE, _FLAKY, _RECURRING, _FINISHED = "/once", "/flaky", "/recurring", "/finished"
_EXTRACT, _LOAD, _NOTIFY, _CALENDAR = "/extract", "/load", "/notify", "/calendar"
_FAILURES, _LAST_ATTEMPT = 2, 2
_ORDER = "order-42"
_LEAD = "PT1S"
_EVERY, _RUNS = timedelta(seconds=0.5), 5
_PAUSE = timedelta(milliseconds=500)

FAILURES: Mapping[str, float] = {_FLAKY: _FAILURES, BROKEN: math.inf}
"""How many calls of each task the target refuses."""
ANSWERS: Mapping[str, Any] = {_EXTRACT: {"id": _ORDER}}
"""What it answers; the order's number is written nowhere else."""

WEEKDAYS: Mapping[str, Any] = {
    "schedule": {"kind": "cron", "expression": "0 8 * * MON-FRI", "timezone": "Europe/Berlin"},
    "action": {"type": "noop"},
}
"""A job that is looked at and never submitted."""

Spec = Mapping[str, Any]
Submit = Callable[[Spec], JobView]
Preview = Callable[[Spec], PreviewView]


@dataclass(frozen=True)
class DemoJob:
    """A submitted job; `tasks` is how many it comes to."""

    name: str
    id: str
    expected: tuple[Expected, ...]
    tasks: int


def one_time(submit: Submit, target: str) -> DemoJob:
    """One call, a second from now."""
    job = submit({**_soon("one-time"), "action": _post(target, _ONCE)})
    return DemoJob("one-time", job.id, (Expected(_ONCE, _instant(job)),), 1)


def recurring(submit: Submit, target: str) -> DemoJob:
    """One call every half second, five times, and a hook that sends its event when the last is done."""
    schedule = {"kind": "interval", "every": format_duration(_EVERY), "max_runs": _RUNS}
    hook = {"trigger": "ON_COMPLETION", "action": _post(target, _FINISHED)}
    spec = {"schedule": schedule, "action": _post(target, _RECURRING), "hooks": [hook]}
    job = submit({"description": "recurring", **spec})
    runs = (Expected(_RECURRING, _instant(job) + number * _EVERY) for number in range(_RUNS))
    event = {"specversion": "1.0", "type": "karya.job.completed", "source": f"/v1/jobs/{job.id}"}
    fired = Expected(_FINISHED, None, after=_RECURRING, says=event)
    return DemoJob("recurring", job.id, (*runs, fired), _RUNS + 1)


def failing_twice(submit: Submit, target: str) -> DemoJob:
    """One call that the target refuses twice, tried again half a second after each failure."""
    job = submit({**_soon("fails twice"), "action": _post(target, _FLAKY), "retry": _retry(4)})
    expected = Expected(_FLAKY, _instant(job), attempts=_FAILURES + 1, pause=_PAUSE)
    return DemoJob("fails twice", job.id, (expected,), 1)


def in_steps(submit: Submit, target: str) -> DemoJob:
    """An order is fetched, then stored by what was fetched; the alarm stays silent, for nothing fails."""
    order = {"order": "{{ steps.extract.result.body.id }}"}
    steps = [
        {"name": "extract", "action": {"type": "rest", "url": target + _EXTRACT}},
        {"name": "load", "after": ["extract"], "action": {**_post(target, _LOAD), "body": order}},
        {
            "name": "notify",
            "after": ["extract", "load"],
            "when": "failure",
            "action": _post(target, _NOTIFY),
        },
    ]
    job = submit({**_soon("in steps"), "steps": steps})
    loaded = Expected(_LOAD, _instant(job), after=_EXTRACT, says={"order": _ORDER})
    return DemoJob("in steps", job.id, (Expected(_EXTRACT, _instant(job)), loaded), len(steps))


def by_calendar(preview: Preview, submit: Submit, target: str, now: datetime) -> DemoJob:
    """Two calls on the instants that a look ahead had shown before the job was submitted."""
    start = now.replace(microsecond=0) + timedelta(seconds=2)
    rule = {"kind": "rrule", "rule": "FREQ=SECONDLY", "start_at": format_instant(start), "max_runs": 2}
    spec = {"description": "by calendar", "schedule": rule, "action": _post(target, _CALENDAR)}
    instants = preview(spec).instants
    expected = tuple(Expected(_CALENDAR, instant) for instant in instants)
    return DemoJob("by calendar", submit(spec).id, expected, len(expected))


def dying(submit: Submit, target: str) -> DemoJob:
    """One call that the target refuses until somebody mends it: its attempts are used up before."""
    spec = {**_soon("dies"), "action": _post(target, BROKEN), "retry": _retry(_LAST_ATTEMPT)}
    job = submit(spec)
    return DemoJob(
        "dies", job.id, (Expected(BROKEN, _instant(job), attempts=_LAST_ATTEMPT, pause=_PAUSE),), 1
    )


def redriven(job: DemoJob, at: datetime) -> Expected:
    """What the target must see of a job that died, once it was mended and the job redriven."""
    return replace(job.expected[0], attempts=1, since=at)


def _soon(description: str) -> dict[str, Any]:
    return {"description": description, "schedule": {"kind": "once", "after": _LEAD}}


def _retry(attempts: int) -> dict[str, Any]:
    delay = format_duration(_PAUSE)
    return {"max_attempts": attempts, "backoff": "constant", "delay": delay, "jitter": 0}


def _post(target: str, path: str) -> dict[str, Any]:
    return {"type": "rest", "method": "POST", "url": f"{target}{path}", "timeout": "PT5S"}


def _instant(job: JobView) -> datetime:
    if job.next_at is None:
        raise ValueError(f"job {job.id} has no instant")
    return job.next_at
