"""Transitions as MongoDB updates."""

from typing import Any

from karya.core.transitions import Move, Transition


def update_of(transition: Transition) -> dict[str, Any]:
    """The update that makes this transition; its caller filters on the states from which it is legal."""
    values = {key: value for key, value in transition.changes.items() if value is not None}
    update: dict[str, Any] = {"$set": {"status": transition.target.value, **values}}
    cleared = transition.changes.keys() - values.keys()
    if cleared:
        update["$unset"] = dict.fromkeys(cleared, "")
    if transition.move is Move.RELEASE:
        update["$inc"] = {"attempts": -1}
    return update
