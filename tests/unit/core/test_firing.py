"""Hooks are derived: the same outcome fires the same hook tasks, another never does (I7)."""

from typing import Any

import orjson
import pytest

from karya.core.action import RestAction
from karya.core.firing import (
    EVENT_TYPES,
    FIRED_BY,
    MAX_EVENT_RESULT,
    Happening,
    Teller,
    fired_by,
    hook_tasks,
)
from karya.core.hook import TASK_TRIGGERS, Hook, Trigger
from karya.core.task import TaskKind, TaskState
from karya.core.times import format_instant
from karya.core.transitions import LEGAL, Move, Transition, bury, cancel, release, retry, succeed
from tests.support.story import NOW, ON_FAILURE, ON_SUCCESS, a_job, at, hook

ALL = a_job(None, *map(hook, Trigger)).hooks
MOVES = {
    Move.SUCCEED: succeed('{"n":1}', NOW, NOW),
    Move.RETRY: retry(at(9), "boom", NOW, NOW, '"half"', "http.503"),
    Move.BURY: bury("boom", "the last attempt", NOW, NOW, None, "timeout"),
    Move.RELEASE: release("draining"),
    Move.CANCEL: cancel("by request", NOW),
}


def happening(source: str = "task/1", **fields: Any) -> Happening:
    about: dict[str, Any] = {"job_version": 3, "user_id": "ada", "subject": "task", "data": {}, "at": at(5)}
    return Happening(job_id="job", source=source, **{**about, **fields})


def teller(hooks: tuple[Hook, ...] = ALL, token: int = 1) -> Teller:
    return Teller("task", "job", 3, "ada", "extract", "at:x", NOW, 2, token, hooks)


def event_of(move: Transition) -> dict[str, Any]:
    task, *_ = fired_by(teller(), move, at(5))
    event: dict[str, Any] = orjson.loads(task.event or "")
    return event


def test_firing_an_outcome_twice_makes_the_same_hook_tasks() -> None:
    hooks = a_job(None, ON_FAILURE, ON_FAILURE).hooks
    first, again = hook_tasks(hooks, happening()), hook_tasks(hooks, happening(at=at(99)))
    other = hook_tasks(hooks, happening("task/2"))
    assert [task.id for task in first] == [task.id for task in again]
    assert len({task.id for task in first + other}) == 4


def test_hook_tasks_differ_in_job_cause_and_step_as_their_ids_do() -> None:
    tasks = hook_tasks(a_job(None, ON_FAILURE, ON_FAILURE, ON_SUCCESS).hooks, happening())
    assert len({(task.job_id, task.cause, task.step) for task in tasks}) == len(tasks) == 3


def test_a_hook_task_is_due_at_once_and_fires_no_hooks_of_its_own() -> None:
    (task,) = hook_tasks(a_job(None, ON_FAILURE).hooks, happening())
    assert (task.kind, task.step, task.status) == (TaskKind.HOOK, "ON_FAILURE", TaskState.READY)
    assert (task.instant, task.due_at, task.count, task.job_version) == (at(5), at(5), 0, 3)
    assert (task.hooks, task.recurring, task.solo, task.linked, task.slotted) == ((), *[False] * 4)
    assert task.user_id == "ada"


def test_a_hook_with_templates_says_so() -> None:
    told = RestAction(url="http://localhost/", body={"error": "{{ event.data.error }}"})
    plain, templated = hook_tasks(a_job(None, ON_FAILURE, hook(Trigger.ON_FAILURE, told)).hooks, happening())
    assert (plain.templated, templated.templated) == (False, True)


@pytest.mark.parametrize("move", MOVES)
def test_each_move_fires_its_triggers(move: Move) -> None:
    fired = {Trigger(task.step) for task in fired_by(teller(), MOVES[move], NOW)}
    assert fired == (FIRED_BY[move][1] if move in FIRED_BY else set())


def test_every_trigger_of_a_task_is_fired_by_a_move_out_of_running() -> None:
    assert set().union(*(triggers for _, triggers in FIRED_BY.values())) == TASK_TRIGGERS
    assert all(TaskState.RUNNING in LEGAL[move][0] for move in FIRED_BY)
    assert set(EVENT_TYPES) == set(Trigger)


def test_a_redriven_task_that_dies_again_fires_again() -> None:
    first, again = (fired_by(teller(token=token), MOVES[Move.BURY], NOW) for token in (4, 5))
    assert not {task.id for task in first} & {task.id for task in again}


def test_no_hooks_no_event() -> None:
    assert fired_by(teller(hooks=()), MOVES[Move.BURY], NOW) == ()


def test_the_event_is_a_cloud_event() -> None:
    (task,) = fired_by(teller(a_job(None, ON_SUCCESS).hooks), MOVES[Move.SUCCEED], at(5))
    event = orjson.loads(task.event or "")
    assert {key: event[key] for key in event if key != "data"} == {
        "specversion": "1.0",
        "id": task.id,
        "source": "/v1/jobs/job",
        "type": "karya.task.succeeded",
        "subject": "task",
        "time": format_instant(at(5)),
        "datacontenttype": "application/json",
    }


def test_the_event_tells_of_a_retry() -> None:
    assert event_of(MOVES[Move.RETRY])["data"] == {
        "trigger": "ON_RETRY",
        "job_id": "job",
        "task": {"id": "task", "step": "extract", "cause": "at:x", "instant": format_instant(NOW)},
        "attempt": 2,
        "outcome": "retrying",
        "error": "boom",
        "code": "http.503",
        "result": "half",
        "next_attempt_at": format_instant(at(9)),
    }


@pytest.mark.parametrize(("move", "outcome"), [(Move.SUCCEED, "succeeded"), (Move.BURY, "dead")])
def test_the_event_tells_of_an_end(move: Move, outcome: str) -> None:
    data = event_of(MOVES[move])["data"]
    assert (data["outcome"], data["attempt"], "next_attempt_at" in data) == (outcome, 2, False)
    assert data.get("code") == MOVES[move].code


def test_a_result_travels_while_it_is_small() -> None:
    fits, beyond = ("x" * (MAX_EVENT_RESULT - 2 + more) for more in (0, 1))
    whole, cut = (
        event_of(succeed(orjson.dumps(text).decode(), NOW, NOW))["data"]["result"] for text in (fits, beyond)
    )
    assert whole == fits
    assert cut == {"truncated": True, "bytes": MAX_EVENT_RESULT + 1, "start": '"' + "x" * 1023}
