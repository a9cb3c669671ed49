"""Karya: a durable, distributed job scheduler.

import karya

jobs = karya.connect()
job = jobs.submit({"schedule": {"kind": "once"}, "action": {"type": "noop"}})
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from karya.actors.cluster.handle import Karya, connect, new_key
    from karya.tasks import Task, schedule, task

__all__ = ["Karya", "Task", "connect", "new_key", "schedule", "task"]
_TASKS = ("Task", "schedule", "task")


def __getattr__(name: str) -> Any:
    """The handle is loaded when it is asked for: it brings Ray, which no other part of the package needs."""
    if name in _TASKS:
        from karya import tasks

        return getattr(tasks, name)
    if name in __all__:
        from karya.actors.cluster import handle

        return getattr(handle, name)
    raise AttributeError(f"module 'karya' has no attribute {name!r}")
