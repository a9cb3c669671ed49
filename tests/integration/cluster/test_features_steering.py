"""Pausing, resuming, triggering, skipping and changing live jobs, end to end."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from karya.core.task import TaskState
from karya.core.times import format_instant
from tests.support.eventually import eventually
from tests.support.gate import Gate
from tests.support.running import Running
from tests.support.specs import SELDOM, attempts, interval, post, step
from tests.support.target import Target, respond

pytestmark = pytest.mark.cluster

OFTEN = interval("PT0.1S")
HOUR = timedelta(hours=1)
TENTH = timedelta(seconds=0.1)


def do(karya: Running, job: str, verb: str, **headers: str) -> Any:
    status, answer = karya.http("POST", f"/v1/jobs/{job}/{verb}", **headers)
    assert status < 300, answer
    return answer


def canary(karya: Running, after: str = "PT0.6S") -> None:
    """Once a later job has run, a further run of another would have been seen, too."""
    karya.ended(karya.submit(schedule={"kind": "once", "after": after}, action={"type": "noop"}), 30)


def kinds(karya: Running, job: str) -> list[str]:
    return [change["kind"] for change in karya.http("GET", f"/v1/jobs/{job}/versions")[1]["changes"]]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_nothing_starts_while_a_job_is_paused_and_what_is_missed_is_recorded(
    karya: Running, target: Target
) -> None:
    job = karya.submit(schedule=OFTEN, action=post(target.at("/pause")))
    eventually(lambda: len(target.calls_to("/pause")) >= 3, 30, "three runs")
    paused = do(karya, job, "pause")
    karya.at_rest(job)
    count = len(target.calls_to("/pause"))
    assert (paused["status"], paused["next_at"]) == ("PAUSED", None)
    canary(karya, "PT2.6S")  # longer than occurrences are made ahead
    assert len(target.calls_to("/pause")) == count
    do(karya, job, "resume")
    eventually(lambda: len(target.calls_to("/pause")) >= count + 3, 30, "three further runs")
    do(karya, job, "cancel")
    assert kinds(karya, job) == ["cancelled", "resumed", "paused", "submitted"]
    ran = {call.headers["karya-instant"] for call in target.calls_to("/pause")}
    created, last, skipped = at(paused["created_at"]), max(map(at, ran)), missed(karya, job)
    due = {format_instant(created + TENTH * n) for n in range(1, (last - created) // TENTH + 1)}
    assert not ran & skipped
    assert due <= ran | skipped


def missed(karya: Running, job: str) -> set[str]:
    """The instants that a pause has cost: those that had tasks already, and the ranges of the others."""
    skipped = [task for task in karya.all_tasks(job) if task.status is TaskState.SKIPPED]
    (run,) = karya.http("GET", f"/v1/jobs/{job}/versions")[1]["skipped"]
    assert {run["reason"], *(task.reason for task in skipped)} == {"the job was paused"}
    first = at(run["first"])
    assert at(run["last"]) == first + TENTH * (run["count"] - 1)
    range_ = {format_instant(first + TENTH * number) for number in range(run["count"])}
    return range_ | {format_instant(task.instant) for task in skipped}


def test_a_retry_waits_for_the_resume(karya: Running, target: Target) -> None:
    url = target.at("/pause-retry", respond(500), respond(200))
    job = karya.submit(action=post(url), retry=attempts(2, "PT5S"))
    eventually(lambda: target.calls_to("/pause-retry"), 30, "the first attempt")
    eventually(lambda: karya.karya.summary(job).errors, 30, "its failure")
    karya.karya.pause(job)
    (task,) = karya.karya.summary(job).tasks
    assert (task.status, task.held, task.attempts) == (TaskState.READY, True, 1)
    eventually(lambda: datetime.now(UTC) > task.due_at, 30, "the end of the backoff")
    canary(karya)
    assert len(target.calls_to("/pause-retry")) == 1
    karya.karya.resume(job)
    assert karya.ended(job, 30).counts == {TaskState.SUCCEEDED: 1}


def test_what_runs_when_its_job_is_paused_finishes(karya: Running, target: Target) -> None:
    gate = Gate()
    job = karya.submit(schedule=SELDOM, action=post(target.at("/pause-running", gate.reply)))
    task = karya.karya.trigger(job).tasks[0].id
    eventually(lambda: target.calls_to("/pause-running"), 30, "its start")
    karya.karya.pause(job)
    gate.open()
    eventually(lambda: karya.karya.task(task).task.status is TaskState.SUCCEEDED, 30, "its end")
    karya.karya.cancel(job)


def test_a_trigger_runs_at_once_and_leaves_the_schedule_alone(karya: Running, target: Target) -> None:
    job = karya.submit(schedule=SELDOM, action=post(target.at("/trigger")))
    before = karya.http("GET", f"/v1/jobs/{job}")[1]
    occurrence = do(karya, job, "trigger")
    eventually(lambda: target.calls_to("/trigger"), 30, "the run")
    assert occurrence["cause"].startswith("trigger:")
    assert target.calls_to("/trigger")[0].headers["webhook-id"] == occurrence["tasks"][0]["id"]
    after = karya.http("GET", f"/v1/jobs/{job}")[1]
    assert (after["next_at"], after["occurrences"]) == (before["next_at"], before["occurrences"])
    assert kinds(karya, job) == ["triggered", "submitted"]
    do(karya, job, "pause")
    assert karya.http("POST", f"/v1/jobs/{job}/trigger")[0] == 409
    do(karya, job, "cancel")


def test_the_next_occurrence_is_skipped_and_the_chain_goes_on(karya: Running, target: Target) -> None:
    schedule = interval("PT1.5S", max_runs=3)
    job = karya.submit(schedule=schedule, action=post(target.at("/skip-next")))
    occurrence = do(karya, job, "skip-next")
    (task,) = occurrence["tasks"]
    assert task["status"] == "SKIPPED"
    assert karya.http("GET", f"/v1/jobs/{job}")[1]["next_at"] > occurrence["instant"]
    assert kinds(karya, job) == ["skipped_next", "submitted"]
    assert karya.ended(job, 30).counts == {TaskState.SKIPPED: 1, TaskState.SUCCEEDED: 2}
    assert occurrence["instant"] not in {c.headers["karya-instant"] for c in target.calls_to("/skip-next")}
    assert karya.http("POST", f"/v1/jobs/{job}/skip-next")[0] == 409


def test_skipping_again_skips_the_one_behind(karya: Running) -> None:
    job = karya.karya.submit({"schedule": SELDOM, "action": {"type": "noop"}})
    instants = [karya.karya.skip_next(job.id).instant for _ in range(3)]
    assert instants == [job.created_at + HOUR * n for n in (1, 2, 3)]
    assert karya.karya.get(job.id).next_at == job.created_at + HOUR * 4
    assert karya.karya.occurrences(job.id, 1).instants == (job.created_at + HOUR * 4,)
    karya.karya.cancel(job.id)


def test_what_runs_finishes_with_the_old_version_and_the_next_follows_the_new(
    karya: Running, target: Target
) -> None:
    gate = Gate(503)
    old = target.at("/old", gate.reply, respond(200))
    schedule = interval("PT1H", start_at="2026-01-01T00:00:00Z")
    job = karya.submit(schedule=schedule, action=post(old), retry=attempts(2), description="old")
    running = do(karya, job, "trigger")["tasks"][0]["id"]
    eventually(lambda: target.calls_to("/old"), 30, "the start")
    changes = {"action": post(target.at("/new")), "schedule": interval("PT0.2S", max_runs=3), "tags": ["b"]}
    status, updated = karya.http("PATCH", f"/v1/jobs/{job}", changes)
    assert (status, updated["version"], updated["description"], updated["tags"]) == (200, 2, "old", ["b"])
    eventually(lambda: target.calls_to("/new"), 30, "a run of the new version")
    gate.open()
    karya.ended(job, 30)
    story = karya.karya.task(running)
    assert (story.task.status, story.task.attempts) == (TaskState.SUCCEEDED, 2)
    assert [call.headers["webhook-id"] for call in target.calls_to("/old")] == [running, running]
    assert len(target.calls_to("/new")) == 3
    changes_made = karya.http("GET", f"/v1/jobs/{job}/versions")[1]["changes"]
    assert [(c["kind"], c["version"]) for c in changes_made] == [
        ("updated", 2),
        ("triggered", 1),
        ("submitted", 1),
    ]
    assert changes_made[0]["spec"]["action"]["url"].endswith("/new")
    assert changes_made[-1]["spec"]["action"]["url"].endswith("/old")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"schedule": {"kind": "interval", "every": "PT0S"}}, "schedule.every"),
        ({"schedule": interval("PT1H", end_at="2020-01-01T00:00:00Z")}, "schedule"),
        ({"action": {"type": "kafka", "topic": "t"}}, "action"),
        ({"hooks": [{"trigger": "ON_WHIM", "action": {"type": "noop"}}]}, "hooks.0.trigger"),
        ({"retry": {"max_attempts": 0}}, "retry.max_attempts"),
        ({"colour": 1}, "colour"),
        ({"user_id": "somebody"}, "user_id"),
    ],
)
def test_an_invalid_update_changes_nothing(karya: Running, changes: dict[str, Any], field: str) -> None:
    job = karya.submit(schedule=SELDOM, action={"type": "noop"})
    paths = [f"/v1/jobs/{job}{below}" for below in ("", "/tasks", "/versions", "/occurrences")]
    before = [karya.http("GET", path) for path in paths]
    status, problem = karya.http("PATCH", f"/v1/jobs/{job}", changes)
    assert (status, problem["errors"][0]["field"]) == (422, field)
    assert [karya.http("GET", path) for path in paths] == before
    do(karya, job, "cancel")


def test_a_job_that_has_ended_is_steered_no_more(karya: Running) -> None:
    job = karya.submit(action={"type": "noop"})
    karya.ended(job, 30)
    for verb in ("cancel", "pause", "resume", "trigger", "skip-next"):
        assert karya.http("POST", f"/v1/jobs/{job}/{verb}")[0] == 409, verb
    assert karya.http("PATCH", f"/v1/jobs/{job}", {"description": "late"})[0] == 409


def test_skipping_the_last_occurrence_completes_the_job(karya: Running, target: Target) -> None:
    hooks = [{"trigger": "ON_COMPLETION", "action": post(target.at("/skip-last"))}]
    once = {"kind": "once", "after": "PT1H"}
    job = karya.submit(schedule=once, action={"type": "noop"}, hooks=hooks)
    do(karya, job, "skip-next")
    assert karya.ended(job, 30).job.status == "COMPLETED"
    eventually(lambda: target.calls_to("/skip-last"), 30, "the hook")


def test_an_action_can_become_steps(karya: Running, target: Target) -> None:
    job = karya.submit(schedule=SELDOM, action={"type": "noop"})
    steps = [step("a", post(target.at("/became-a"))), step("b", post(target.at("/became-b")), "a")]
    _, changed = karya.http("PATCH", f"/v1/jobs/{job}", {"steps": steps})
    assert (changed["action"], [one["name"] for one in changed["steps"]]) == (None, ["a", "b"])
    do(karya, job, "trigger")
    eventually(lambda: target.calls_to("/became-b"), 30, "the second step")
    do(karya, job, "cancel")
