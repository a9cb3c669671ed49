"""Targets that misbehave: their own attempts end in time, and nobody else feels it."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import ClassVar

from tests.chaos.faults.base import Fault, Injection
from tests.chaos.judge.facts import History
from tests.chaos.judge.schedules import Once
from tests.chaos.rig import Rig
from tests.chaos.workload.draft import Draft, Work

_MANY = 40
_TIMEOUT = 2.0
_MORE = 1.0
"""An attempt ends no later than this behind its time-out."""
_FLAT = 25.0
"""By how many MB a worker may have grown."""


class _Misbehaving(Fault):
    behaviour: ClassVar[str]
    succeeds: ClassVar[bool] = False
    attempts: ClassVar[int] = 2
    excuses = False
    bound = _TIMEOUT + _MORE
    _keys: frozenset[str] = frozenset()

    async def aim(self, rig: Rig) -> None:
        self._memory = await _memory(rig)

    async def inject(self, rig: Rig) -> str:
        drafts = [self._draft(number) for number in range(_MANY)]
        self._keys = frozenset(draft.key for draft in drafts)
        await asyncio.gather(*map(rig.workload.serve, drafts))
        return f"{_MANY} jobs"

    async def examine(self, rig: Rig) -> Sequence[str]:
        """The workers have not grown, as far as they live."""
        grown = {
            pid: size - self._memory[pid]
            for pid, size in (await _memory(rig)).items()
            if pid in self._memory and size - self._memory[pid] > _FLAT
        }
        return [f"worker {pid} has grown by {size:.0f} MB" for pid, size in grown.items()]

    def found_in(self, injection: Injection, history: History) -> Iterator[str]:
        """Every attempt was over in time."""
        most = (_TIMEOUT + _MORE) * 1000
        for arrival in history.arrivals:
            if arrival.key in self._keys and not arrival.part.startswith("on:"):
                lasted = (arrival.ended or history.until) - arrival.at
                if lasted > most:
                    yield f"an attempt at {arrival.key} lasted {lasted} ms"

    def _draft(self, number: int) -> Draft:
        work = Work(
            behaviour=self.behaviour,
            dies=not self.succeeds,
            max_attempts=self.attempts,
            timeout=_TIMEOUT,
            redirects=5 if self.behaviour == "circle" else 0,
        )
        hooks = ("ON_SUCCESS",) if self.succeeds else ("ON_FAILURE",)
        return Draft(f"{self.name}-{self.random.getrandbits(32):x}-{number}", Once(0), (work,), hooks)


async def _memory(rig: Rig) -> dict[int, float]:
    return {each.pid: each.memory_info().rss / 1e6 for each in await rig.processes("worker")}


class Hanging(_Misbehaving):
    """They accept and never answer."""

    name = "hanging-targets"
    behaviour = "hang"


class Dripping(_Misbehaving):
    """They send a byte a second."""

    name = "dripping-targets"
    behaviour = "drip"


class Flooding(_Misbehaving):
    """They send without an end: enough is read, and the rest is cut off."""

    name = "flooding-targets"
    behaviour = "flood"
    succeeds = True


class HugeHeaders(_Misbehaving):
    """A megabyte of headers."""

    name = "huge-headers"
    behaviour = "headers"


class Resetting(_Misbehaving):
    """They break the connection instead of answering."""

    name = "resetting-targets"
    behaviour = "reset"


class Circling(_Misbehaving):
    """They redirect to themselves, and the job follows redirects."""

    name = "circling-targets"
    behaviour = "circle"
    attempts = 1
