"""What an occurrence does while an earlier one of its job still runs, end to end."""

from typing import Any

import pytest

from karya.core.task import TaskState
from karya.core.times import format_instant
from karya.core.views import TaskView
from tests.support.eventually import eventually
from tests.support.gate import Gate
from tests.support.running import Running
from tests.support.specs import attempts, interval, post
from tests.support.target import Target, hang, respond

pytestmark = pytest.mark.cluster

EVERY = interval("PT0.2S")


def tasks_of(karya: Running, job: str, state: TaskState) -> list[TaskView]:
    """Those in this state, the earliest first."""
    found = [task for task in karya.all_tasks(job) if task.status is state]
    return sorted(found, key=lambda task: task.instant)


def instants(target: Target, path: str) -> list[str]:
    return [call.headers["karya-instant"] for call in target.calls_to(path)]


def skipping(karya: Running, job: str, count: int) -> list[TaskView]:
    def look() -> list[TaskView] | None:
        skipped = tasks_of(karya, job, TaskState.SKIPPED)
        return skipped if len(skipped) >= count else None

    return eventually(look, 30, f"{count} skipped")


def started(karya: Running, action: dict[str, Any], overlap: str, **more: Any) -> str:
    return karya.submit(schedule=EVERY, action=action, overlap=overlap, **more)


def test_skip_drops_what_comes_while_one_runs(karya: Running, target: Target) -> None:
    gate = Gate()
    job = started(karya, post(target.at("/skip", gate.reply)), "skip")
    eventually(lambda: target.calls_to("/skip"), 30, "the first one")
    skipped = skipping(karya, job, 3)
    first = instants(target, "/skip")
    assert len(first) == 1
    assert "overlap" in (skipped[0].reason or "")
    gate.open()
    eventually(lambda: len(target.calls_to("/skip")) >= 3, 30, "further runs")
    karya.karya.cancel(job)
    dropped = {format_instant(task.instant) for task in skipped}
    assert not dropped & set(instants(target, "/skip"))


def test_the_slot_is_held_through_a_retry(karya: Running, target: Target) -> None:
    url = target.at("/skip-retry", respond(500), respond(200))
    job = started(karya, post(url), "skip", retry=attempts(2, "PT2S"))
    eventually(lambda: len(target.calls_to("/skip-retry")) >= 3, 30, "a run after the retry")
    karya.karya.cancel(job)
    first, again, following = instants(target, "/skip-retry")[:3]
    assert first == again < following
    assert len(tasks_of(karya, job, TaskState.SKIPPED)) >= 2


def test_queue_keeps_the_earliest_one(karya: Running, target: Target) -> None:
    gate = Gate()
    job = started(karya, post(target.at("/queue", gate.reply, respond())), "queue")
    eventually(lambda: target.calls_to("/queue"), 30, "the first one")
    skipped = skipping(karya, job, 2)
    assert len(target.calls_to("/queue")) == 1
    gate.open()
    eventually(lambda: len(target.calls_to("/queue")) >= 2, 30, "the one that waited")
    karya.karya.cancel(job)
    first, second = instants(target, "/queue")[:2]
    assert first < second < format_instant(skipped[0].instant)
    assert "overlap" in (skipped[0].reason or "")


def test_cancel_running_stops_the_earlier_one_and_starts(karya: Running, target: Target) -> None:
    job = started(karya, post(target.at("/replace", hang())), "cancel_running")
    eventually(lambda: len(target.calls_to("/replace")) >= 3, 30, "three starts")
    karya.karya.cancel(job)
    cancelled = {format_instant(task.instant): task for task in tasks_of(karya, job, TaskState.CANCELLED)}
    first = cancelled[instants(target, "/replace")[0]]  # one before it may have gone before its call came
    assert "overlap" in (first.reason or "")
    one, other = target.calls_to("/replace")[:2]
    assert first.finished_at is not None
    assert one.wall < first.finished_at.timestamp() <= other.wall + 0.01
