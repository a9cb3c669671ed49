"""Replies of MongoDB that are an error, or never come, whether or not it has applied the write."""

import asyncio
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, ClassVar

from tests.chaos.faults.members import OfMembers
from tests.chaos.rig import Rig

_WRITES = ("insert", "update", "findAndModify", "commitTransaction")
_WRITE_CONCERN_TIMEOUT = 64


class Replies(OfMembers):
    """What they have in common: a share of all writes, drawn by seed, for as long as it lasts."""

    hold = 15.0
    bound = 15.0
    point: ClassVar[str] = "failCommand"
    how: ClassVar[Mapping[str, Any]]
    _before: int = 0
    _after: int = 0

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self.share = round(self.random.uniform(0.02, 0.10), 3)

    @property
    def plan(self) -> str:
        return f"{self.name} {self.share:.1%}"

    async def inject(self, rig: Rig) -> str:
        mode = {"activationProbability": self.share}
        self._before = await asyncio.to_thread(self.members(rig).fail, self.point, mode, self.how)
        return f"{self.share:.1%} of all writes"

    async def heal(self, rig: Rig) -> None:
        self._after = await asyncio.to_thread(self.members(rig).fail, self.point, "off", {})

    async def examine(self, rig: Rig) -> Sequence[str]:
        return () if self._after > self._before else ("no write was hit",)


class WritesDoubted(Replies):
    """The write was done, and the reply says that the majority is not known to have it."""

    name = "doubt-writes"
    how: ClassVar[Mapping[str, Any]] = {
        "failCommands": list(_WRITES),
        "appName": "karya",
        "writeConcernError": {"code": _WRITE_CONCERN_TIMEOUT, "errmsg": "waiting for replication timed out"},
    }


class WritesDropped(Replies):
    """The connection ends before the write is done."""

    name = "drop-writes"
    how: ClassVar[Mapping[str, Any]] = {
        "failCommands": list(_WRITES),
        "appName": "karya",
        "closeConnection": True,
    }


class RepliesDropped(Replies):
    """The connection ends after the write was done: only one that can be asked again tells which it was."""

    name = "drop-replies"
    point = "onPrimaryTransactionalWrite"
    how: ClassVar[Mapping[str, Any]] = {"closeConnection": True}
