"""Jobs that submit jobs, end to end."""

from typing import Any

import pytest

from karya.core.errors import InvalidInput
from karya.core.ids import minted_at
from karya.core.job import JobState
from karya.core.task import TaskKind, TaskState
from karya.core.views import JobView, TaskView
from tests.support.eventually import eventually
from tests.support.running import Running
from tests.support.target import Target, respond

pytestmark = pytest.mark.cluster

FOR_EVER = {"kind": "interval", "every": "PT0.2S"}


def chain(action: Any, **job: Any) -> dict[str, Any]:
    return {"type": "chain", "job": {"action": action, **job}}


def post(url: str, **more: Any) -> dict[str, Any]:
    return {"type": "rest", "method": "POST", "url": url, **more}


def child_of(karya: Running, job_id: str) -> JobView:
    (task,) = [task for task in karya.ended(job_id, 30).tasks if task.kind is TaskKind.STEP]
    assert task.status is TaskState.SUCCEEDED, task
    return karya.karya.get(task.result["job_id"])


def test_a_chained_job_is_a_child_and_runs(karya: Running, target: Target) -> None:
    user = karya.http("POST", "/v1/users", {"name": "chainer"})[1]
    url = target.at("/grandchild", respond(200))
    parent = karya.karya.submit({"user_id": user["id"], "action": chain(chain(post(url)))})
    child = child_of(karya, parent.id)
    grandchild = child_of(karya, child.id)
    assert karya.ended(grandchild.id, 30).job.status is JobState.COMPLETED
    assert len(target.calls_to("/grandchild")) == 1
    assert (child.parent_id, grandchild.parent_id) == (parent.id, child.id)
    assert (child.user_id, grandchild.user_id) == (user["id"], user["id"])
    (task,) = karya.karya.summary(parent.id).tasks
    assert minted_at(child.id) == child.created_at == task.instant


def test_steps_hand_their_results_to_the_job_that_they_chain(karya: Running, target: Target) -> None:
    url = target.at("/numbers", respond(200))
    told = post(target.at("/told"), body={"number": "{{ steps.first.result.status }}"})
    steps = [
        {"name": "first", "action": post(url)},
        {"name": "then", "after": ["first"], "action": chain(told)},
    ]
    parent = karya.karya.submit({"steps": steps})
    summary = karya.ended(parent.id, 30)
    (then,) = [task for task in summary.tasks if task.step == "then"]
    assert then.status is TaskState.SUCCEEDED, then
    child = then.result["job_id"]
    karya.ended(child, 30)
    (call,) = target.calls_to("/told")
    assert call.json() == {"number": 200}


@pytest.mark.parametrize(("opening", "outer"), [("{{", "action"), ('{{ "{{" }}', "steps")])
def test_a_chained_job_has_templates_of_its_own(
    karya: Running, target: Target, opening: str, outer: str
) -> None:
    path = f"/own-{outer}"
    told = post(target.at(path), body=f"{opening} steps.first.status }}}}")
    steps = [
        {"name": "first", "action": {"type": "noop"}},
        {"name": "then", "after": ["first"], "action": told},
    ]
    action = {"type": "chain", "job": {"steps": steps}}
    job = {"action": action} if outer == "action" else {"steps": [{"name": "only", "action": action}]}
    karya.ended(child_of(karya, karya.karya.submit(job).id).id, 30)
    assert target.calls_to(path)[0].body == b"SUCCEEDED"


def test_cancelling_a_job_cancels_what_it_chained(karya: Running, target: Target) -> None:
    wait = {"name": "wait", "after": ["chain"], "action": post(target.at("/wait", respond(delay=5)))}
    below = chain(post(target.at("/below")), schedule=FOR_EVER)
    parent = karya.karya.submit({"steps": [{"name": "chain", "action": below}, wait]})
    eventually(lambda: len(target.calls_to("/below")) >= 2, 30, "two runs of the child")
    karya.karya.cancel(parent.id)
    (task,) = [task for task in karya.karya.summary(parent.id).tasks if task.step == "chain"]
    child = karya.karya.get(task.result["job_id"])
    karya.at_rest(child.id)
    count = len(target.calls_to("/below"))
    assert child.status is JobState.CANCELLED
    # A job that runs afterwards shows that a further run would have been seen by now.
    canary = {"schedule": {"kind": "once", "after": "PT0.6S"}, "action": {"type": "noop"}}
    karya.ended(karya.karya.submit(canary).id, 30)
    assert len(target.calls_to("/below")) == count


def test_what_a_hook_chains_is_no_child(karya: Running, target: Target) -> None:
    broken = post(target.at("/chain-broken", respond(400)))
    body = {"code": "{{ event.data.code }}"}
    hook = {"trigger": "ON_FAILURE", "action": chain(post(target.at("/repair"), body=body))}
    parent = karya.karya.submit({"action": broken, "hooks": [hook]})
    eventually(lambda: target.calls_to("/repair"), 30, "the job of the hook")

    def of_hook() -> TaskView | None:
        tasks = karya.karya.summary(parent.id).tasks
        return next((task for task in tasks if task.kind is TaskKind.HOOK and task.result), None)

    task = eventually(of_hook, 30, "the result of the hook")
    assert karya.karya.get(task.result["job_id"]).parent_id is None
    assert target.calls_to("/repair")[0].json() == {"code": "http.400"}


@pytest.mark.parametrize(
    ("job", "field"),
    [
        (
            {"action": chain({"type": "noop"}, schedule={**FOR_EVER, "every": "x"})},
            "action.job.schedule.every",
        ),
        ({"action": chain(chain(chain({"type": "noop"})))}, "action.job.action.job.action"),
        ({"action": chain({"type": "noop"}), "schedule": FOR_EVER}, "action"),
        ({"action": chain({"type": "kafka", "topic": "t"})}, "action.job.action"),
    ],
)
def test_a_job_inside_a_job_is_checked_at_submission(karya: Running, job: dict[str, Any], field: str) -> None:
    status, problem = karya.http("POST", "/v1/jobs", job)
    assert (status, problem["errors"][0]["field"]) == (422, field)
    with pytest.raises(InvalidInput):
        karya.karya.submit(job)


def test_an_update_is_held_to_the_same_rules(karya: Running) -> None:
    job = karya.karya.submit({"schedule": {"kind": "interval", "every": "PT1H"}, "action": {"type": "noop"}})
    with pytest.raises(InvalidInput) as refused:
        karya.karya.update(job.id, action=chain({"type": "noop"}))
    assert refused.value.errors[0].field == "action"
    karya.karya.cancel(job.id)
