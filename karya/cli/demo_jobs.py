"""The jobs of the demo, and what their target must see of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from karya.cli.demo_check import Expected
from karya.core.times import format_duration
from karya.core.views import JobView

FAILURES = 2
FLAKY = "/flaky"
_ONCE, _RECURRING, _FINISHED = "/once", "/recurring", "/finished"
_LEAD = "PT1S"
_EVERY, _RUNS = timedelta(seconds=1), 5
_PAUSE = timedelta(milliseconds=500)

Submit = Callable[[Mapping[str, Any]], JobView]


@dataclass(frozen=True)
class DemoJob:
    """A submitted job."""

    name: str
    id: str
    expected: tuple[Expected, ...]


def one_time(submit: Submit, target: str) -> DemoJob:
    """One call, a second from now."""
    spec = {"schedule": {"kind": "once", "after": _LEAD}, "action": _post(target, _ONCE)}
    job = submit({"description": "one-time", **spec})
    return DemoJob("one-time", job.id, (Expected(_ONCE, _instant(job)),))


def recurring(submit: Submit, target: str) -> DemoJob:
    """One call every second, five times, and a hook when the last is done."""
    schedule = {"kind": "interval", "every": format_duration(_EVERY), "max_runs": _RUNS}
    hook = {"trigger": "ON_COMPLETION", "action": _post(target, _FINISHED)}
    spec = {"schedule": schedule, "action": _post(target, _RECURRING), "hooks": [hook]}
    job = submit({"description": "recurring", **spec})
    runs = (Expected(_RECURRING, _instant(job) + number * _EVERY) for number in range(_RUNS))
    return DemoJob("recurring", job.id, (*runs, Expected(_FINISHED, None, after=_RECURRING)))


def failing_twice(submit: Submit, target: str) -> DemoJob:
    """One call that the target refuses twice, tried again half a second after each failure."""
    retry = {"max_attempts": 4, "backoff": "constant", "delay": format_duration(_PAUSE), "jitter": 0}
    spec = {"schedule": {"kind": "once", "after": _LEAD}, "action": _post(target, FLAKY), "retry": retry}
    job = submit({"description": "fails twice", **spec})
    expected = Expected(FLAKY, _instant(job), attempts=FAILURES + 1, pause=_PAUSE)
    return DemoJob("fails twice", job.id, (expected,))


def _post(target: str, path: str) -> dict[str, Any]:
    return {"type": "rest", "method": "POST", "url": f"{target}{path}", "timeout": "PT5S"}


def _instant(job: JobView) -> datetime:
    if job.next_at is None:
        raise ValueError(f"job {job.id} has no instant")
    return job.next_at
