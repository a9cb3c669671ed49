"""Karya: a durable, distributed job scheduler.

import karya

jobs = karya.connect()
job = jobs.submit({"schedule": {"kind": "once"}, "action": {"type": "noop"}})

with karya.Client("http://127.0.0.1:8080") as jobs:
    job = jobs.submit({"schedule": {"kind": "once"}, "action": {"type": "noop"}})
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from karya.actors.cluster.handle import Karya, connect, new_key
    from karya.client import AsyncClient, Client

__all__ = ["AsyncClient", "Client", "Karya", "connect", "new_key"]

_HOMES = {
    "AsyncClient": "karya.client",
    "Client": "karya.client",
    "Karya": "karya.actors.cluster.handle",
    "connect": "karya.actors.cluster.handle",
    "new_key": "karya.actors.cluster.handle",
}


def __getattr__(name: str) -> Any:
    """What is public is loaded when it is asked for: the handle brings Ray, the clients aiohttp."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'karya' has no attribute {name!r}")
