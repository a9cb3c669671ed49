"""How the actors of one cluster are called."""

import re

from karya.core.pools import DEFAULT_POOL

SERVER = "server"
SCHEDULER = "scheduler"
SUPERVISOR = "supervisor"
UNDERSTUDY = "understudy"
"""Stands in for the scheduler while that is restarted."""

_WORKER = re.compile(r"worker-(?:(?P<pool>.+)-)?\d+")


def worker_name(number: int, pool: str = DEFAULT_POOL) -> str:
    """The name of a worker, numbered from 0 in its pool."""
    return f"worker-{number}" if pool == DEFAULT_POOL else f"worker-{pool}-{number}"


def pool_of(name: str) -> str | None:
    """The pool of the worker of this name; None for what is no worker."""
    found = _WORKER.fullmatch(name)
    return (found["pool"] or DEFAULT_POOL) if found else None


def is_ours(name: str) -> bool:
    """Whether one of Karya's own actors is called so; others may live in the same Ray namespace."""
    return name in (SERVER, SCHEDULER, SUPERVISOR, UNDERSTUDY) or pool_of(name) is not None
