"""Requests that are under way when a fault comes, on every worker."""

import asyncio
from random import Random

from tests.chaos.judge.schedules import Once
from tests.chaos.rig import Rig, until
from tests.chaos.timing import WORKERS
from tests.chaos.workload.draft import Draft, Work

_EACH = 4
_PATIENCE = 30.0


async def occupy(rig: Rig, random: Random, lasting: int = 3_000) -> None:
    """Gives every worker some requests that last so many milliseconds, and waits until most of them are under
    way."""
    name, many = f"occupied-{random.getrandbits(32):x}", _EACH * WORKERS
    slow = Work(behaviour=f"slow-{lasting}")
    drafts = [Draft(f"{name}-{number}", Once(0), (slow,)) for number in range(many)]
    await asyncio.gather(*map(rig.workload.serve, drafts))
    await until(lambda: rig.in_flight() >= many * 3 // 4, _PATIENCE, "requests in flight")
