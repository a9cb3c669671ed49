"""Firing hooks: each becomes a task that carries what happened as a CloudEvent (CloudEvents 1.0)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from karya.core.cloudevent import cloud_event, job_source
from karya.core.events import EventKind
from karya.core.hook import Hook, Trigger
from karya.core.ids import partition_of, task_id
from karya.core.task import Task, TaskKind
from karya.core.template import holds_templates
from karya.core.times import format_instant
from karya.core.trace import Trace
from karya.core.transitions import Move, Transition

EVENT_TYPES: Mapping[Trigger, str] = {
    Trigger.ON_SUCCESS: EventKind.TASK_SUCCEEDED,
    Trigger.ON_RETRY: EventKind.TASK_RETRYING,
    Trigger.ON_FAILURE: "karya.task.failed",
    Trigger.ON_DEAD_LETTER: EventKind.TASK_DEAD_LETTERED,
    Trigger.ON_CANCELLED: EventKind.JOB_CANCELLED,
    Trigger.ON_MISFIRE: "karya.job.misfired",
    Trigger.ON_COMPLETION: EventKind.JOB_COMPLETED,
}
"""The CloudEvents `type` of each trigger."""

FIRED_BY: Mapping[Move, tuple[str, frozenset[Trigger]]] = {
    Move.SUCCEED: ("succeeded", frozenset({Trigger.ON_SUCCESS})),
    Move.RETRY: ("retrying", frozenset({Trigger.ON_RETRY})),
    Move.BURY: ("dead", frozenset({Trigger.ON_FAILURE, Trigger.ON_DEAD_LETTER})),
}
"""What a hook is told that became of its task by each move, and the triggers that the move fires. The
others fire nothing: a task that is cancelled or handed back has come to nothing that anybody waits for."""

MAX_EVENT_RESULT = 16 * 1024
"""How many characters of a result travel in an event: each hook keeps a copy of its own."""


@dataclass(frozen=True, slots=True)
class Happening:
    """What fires hooks. `source` names it (a task and its token, or the job and what became of it), so that
    firing it twice cannot make two tasks of one hook (I7); `data` is what the event tells."""

    job_id: str
    job_version: int
    user_id: str | None
    source: str
    subject: str
    data: Mapping[str, Any]
    at: datetime
    trace: Trace | None = None
    """What the tasks of the hooks belong to."""


@dataclass(frozen=True, slots=True)
class Teller:
    """A running task as far as its hooks tell of it."""

    task_id: str
    job_id: str
    job_version: int
    user_id: str | None
    step: str
    cause: str
    instant: datetime
    attempt: int
    token: int
    hooks: tuple[Hook, ...]
    trace: Trace | None = None


def fired_by(task: Teller, transition: Transition, now: datetime) -> tuple[Task, ...]:
    """The tasks of the hooks that this move of the task fires."""
    outcome, triggers = FIRED_BY.get(transition.move, ("", frozenset[Trigger]()))
    hooks = [hook for hook in task.hooks if hook.trigger in triggers]
    return hook_tasks(hooks, _told(task, transition, outcome, now)) if hooks else ()


def hook_tasks(hooks: Iterable[Hook], happening: Happening) -> tuple[Task, ...]:
    """The tasks that fire these hooks, due at once."""
    return tuple(
        _hook_task(hook, f"hook:{happening.source}/{number}", happening) for number, hook in enumerate(hooks)
    )


def _told(task: Teller, transition: Transition, outcome: str, now: datetime) -> Happening:
    about = {"id": task.task_id, "step": task.step, "cause": task.cause}
    data: dict[str, Any] = {
        "task": {**about, "instant": format_instant(task.instant)},
        "attempt": task.attempt,
        "outcome": outcome,
        "error": transition.changes.get("error"),
    }
    if transition.code is not None:
        data["code"] = transition.code
    if (result := transition.changes.get("result")) is not None:
        data["result"] = _short(result)
    if transition.move is Move.RETRY:
        data["next_attempt_at"] = format_instant(transition.changes["due_at"])
    return Happening(
        job_id=task.job_id,
        job_version=task.job_version,
        user_id=task.user_id,
        source=f"{task.task_id}/{task.token}",
        subject=task.task_id,
        data=data,
        at=now,
        trace=task.trace,
    )


def _short(result: str) -> Any:
    """The result, or of a large one the start, in the form in which a worker cuts results."""
    if len(result) <= MAX_EVENT_RESULT:
        return orjson.loads(result)
    return {"truncated": True, "bytes": len(result.encode()), "start": result[:1024]}


def _hook_task(hook: Hook, cause: str, happening: Happening) -> Task:
    ident = task_id(happening.job_id, cause, hook.trigger.value)
    return Task(
        id=ident,
        job_id=happening.job_id,
        job_version=happening.job_version,
        user_id=happening.user_id,
        kind=TaskKind.HOOK,
        step=hook.trigger.value,
        cause=cause,
        partition=partition_of(happening.job_id),
        instant=happening.at,
        due_at=happening.at,
        templated=holds_templates(hook.action),
        action=hook.action,
        event=_event(hook.trigger, ident, happening),
        retry=hook.retry,
        created_at=happening.at,
        trace=happening.trace,
    )


def _event(trigger: Trigger, ident: str, happening: Happening) -> str:
    told = {"trigger": trigger.value, "job_id": happening.job_id, **happening.data}
    event = cloud_event(
        ident,
        kind=EVENT_TYPES[trigger],
        source=job_source(happening.job_id),
        subject=happening.subject,
        at=format_instant(happening.at),
        data=told,
    )
    return event.decode()
