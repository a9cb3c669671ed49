"""Transitions as MongoDB updates."""

from typing import Any

from karya.core.task import TaskState
from karya.core.transitions import Move, Transition


def update_of(transition: Transition) -> dict[str, Any]:
    """The update that makes this transition; its caller filters on the states from which it is legal."""
    values = {key: value for key, value in transition.changes.items() if value is not None}
    update: dict[str, Any] = {"$set": {"status": transition.target.value, **values}}
    cleared = transition.changes.keys() - values.keys()
    if cleared:
        update["$unset"] = dict.fromkeys(cleared, "")
    if transition.earliest:
        update["$min"] = dict(transition.earliest)
    if transition.move is Move.RELEASE:
        update["$inc"] = {"attempts": -1}
    return update


def due_again(due_at: Any) -> dict[str, Any]:
    """The fields, as those of a pipeline, that make a task due later than it was. One that is BLOCKED, or
    runs, has not been due in vain."""
    ready = {"$eq": ["$status", TaskState.READY.value]}
    was_due_at = {"$ifNull": ["$first_due_at", "$due_at"]}
    return {"due_at": due_at, "first_due_at": {"$cond": [ready, was_due_at, "$first_due_at"]}}
