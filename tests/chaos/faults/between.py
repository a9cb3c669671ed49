"""What happens between the parts: replies of MongoDB and messages of the queue that get lost, come twice or
come late, by proxies in front of both."""

import asyncio
from collections.abc import Mapping, Sequence
from random import Random
from typing import ClassVar

from tests.chaos.faults.base import Fault
from tests.chaos.proxies.control import ProxyProcess
from tests.chaos.proxies.odds import Fate, Odds
from tests.chaos.rig import Rig
from tests.chaos.stages import ProxiedStage
from tests.chaos.timing import RECLAIM


class _Between(Fault):
    stage = "proxied"
    hold = 15.0
    fate: ClassVar[Fate]
    shares: ClassVar[tuple[float, float]]
    """From how small to how large a share of all messages has to suffer it."""
    longest: ClassVar[float] = 0.0
    _done: Mapping[str, int] = {}

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        share = round(self.random.uniform(*self.shares), 3)
        seed = self.random.getrandbits(32)
        self._odds = Odds(seed, longest=self.longest, **{self.fate.value: share})
        self._share = share

    @property
    def plan(self) -> str:
        """See Fault."""
        return f"{self.name} {self._share:.1%}"

    async def inject(self, rig: Rig) -> str:
        """See Fault."""
        await asyncio.to_thread(self._proxy(rig).change, self._odds)
        return f"{self._share:.1%}"

    async def heal(self, rig: Rig) -> None:
        """See Fault."""
        self._done = await asyncio.to_thread(self._proxy(rig).change, Odds())

    async def examine(self, rig: Rig) -> Sequence[str]:
        """A fault that hit nothing would pass for the wrong reason."""
        return () if self._done.get(self.fate) else (f"nothing was {self.fate}: {dict(self._done)}",)

    def _proxy(self, rig: Rig) -> ProxyProcess:
        assert isinstance(rig.stage, ProxiedStage)
        return rig.stage.replies


class RepliesLost(_Between):
    """The write is done, and the connection ends before anybody is told."""

    name = "lose-replies"
    fate = Fate.LOST
    shares = (0.03, 0.15)
    bound = RECLAIM


class RepliesDelayed(_Between):
    """The write is done, and the reply takes up to 6 s: more than a client waits, and than a lease lasts."""

    name = "delay-replies"
    fate = Fate.DELAYED
    shares = (0.02, 0.08)
    longest = 6.0
    bound = RECLAIM


class _Messages(_Between):
    bound = 4.0
    """A poll, a hint that is sent again, and three heartbeats until a worker that heard nothing is back."""

    def _proxy(self, rig: Rig) -> ProxyProcess:
        assert isinstance(rig.stage, ProxiedStage)
        return rig.stage.messages


class MessagesLost(_Messages):
    """Hints, credit and heartbeats get lost."""

    name = "lose-messages"
    fate = Fate.LOST
    shares = (0.1, 0.6)


class MessagesSilenced(_Messages):
    """Nothing gets through at all."""

    name = "silence-queue"
    fate = Fate.LOST
    shares = (1.0, 1.0)
    hold = 6.0


class MessagesRepeated(_Messages):
    """They come twice."""

    name = "repeat-messages"
    fate = Fate.REPEATED
    shares = (0.3, 1.0)


class MessagesDelayed(_Messages):
    """They come late, and in another order."""

    name = "delay-messages"
    fate = Fate.DELAYED
    shares = (0.2, 0.8)
    longest = 3.0
