"""The Python handle: what the HTTP tests do not go through, end to end."""

import pytest

from karya import new_key
from karya.core.errors import InvalidInput, NotFound
from karya.core.task import TaskState
from tests.support.eventually import eventually
from tests.support.running import Running
from tests.support.specs import SELDOM, interval, post
from tests.support.target import Target, respond

pytestmark = pytest.mark.cluster

NOOP = {"type": "noop"}
MISSING = "00000000-0000-7000-8000-000000000000"


def test_a_job_is_previewed_steered_and_looked_into(karya: Running) -> None:
    handle = karya.karya
    spec = {"schedule": {**SELDOM, "max_runs": 2}, "action": NOOP}
    assert len(handle.preview(spec, 5).instants) == 2
    job = handle.submit(spec)
    handle.pause(job.id)
    assert handle.resume(job.id).status == "ACTIVE"
    handle.skip_next(job.id)
    changed = handle.update(job.id, description="changed", schedule=interval("PT2H"))
    assert (changed.version, changed.description) == (2, "changed")
    assert handle.occurrences(job.id, 1).instants == (changed.next_at,)
    handle.trigger(job.id)
    eventually(lambda: handle.summary(job.id).counts.get(TaskState.SUCCEEDED) == 1, 30, "the run")
    kinds = [change.kind for change in handle.versions(job.id).changes]
    assert kinds == ["triggered", "updated", "skipped_next", "resumed", "paused", "submitted"]
    first = handle.tasks(job.id, limit=1)
    rest = handle.tasks(job.id, cursor=first.next_cursor)
    assert sorted(task.status for task in (*first.tasks, *rest.tasks)) == ["READY", "SKIPPED", "SUCCEEDED"]
    handle.cancel(job.id)


def test_the_same_key_means_the_same_job_and_the_same_run(karya: Running, target: Target) -> None:
    handle, key, again = karya.karya, new_key(), new_key()
    spec = {"schedule": SELDOM, "action": post(target.at("/handle-key"))}
    job = handle.submit(spec, key=key)
    assert handle.submit(spec, key=key).id == job.id == key
    assert handle.trigger(job.id, key=again).tasks[0].id == handle.trigger(job.id, key=again).tasks[0].id
    eventually(lambda: handle.summary(job.id).counts.get(TaskState.SUCCEEDED), 30, "the run")
    assert len(target.calls_to("/handle-key")) == 1
    handle.cancel(job.id)


def test_dead_letters_are_redriven_all_or_one(karya: Running, target: Target) -> None:
    handle = karya.karya
    job = handle.submit({"action": post(target.at("/handle-dead", respond(400), respond(400), respond(200)))})
    (letter,) = eventually(lambda: handle.dead_letters(job_id=job.id).tasks, 30, "a dead letter")
    assert handle.redrive_all(job_id=job.id) == 1
    eventually(lambda: len(handle.task(letter.id).errors) == 2, 30, "a second failure")
    handle.redrive(letter.id)
    eventually(lambda: handle.task(letter.id).task.status is TaskState.SUCCEEDED, 30, "a success")


def test_errors_are_those_of_karya(karya: Running) -> None:
    handle = karya.karya
    for call in (handle.get, handle.versions, handle.tasks, handle.why, handle.pause, handle.trigger):
        with pytest.raises(NotFound):
            call(MISSING)
    with pytest.raises(InvalidInput) as refused:
        handle.preview({"action": NOOP, "schedule": interval("soon")})
    assert refused.value.errors[0].field == "schedule.every"
