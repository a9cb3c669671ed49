"""What a fault is."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import ClassVar

from tests.chaos.judge.facts import History
from tests.chaos.rig import Rig


@dataclass
class Injection:
    """One fault as it happened, in milliseconds. `since` is from when its bound counts."""

    fault: "Fault"
    injected_at: int
    hit: str = ""
    healed_at: int = 0
    over_at: int = 0
    """When the next one may come."""
    notes: list[str] = field(default_factory=list)
    rescued: bool = False
    """The cluster did not come back by itself and was started anew."""

    @property
    def since(self) -> int:
        """From when on the time to recover counts."""
        return self.injected_at if self.fault.counts_from_injection else self.healed_at

    @property
    def bound_at(self) -> int:
        """By when everything has to be on time again."""
        return self.since + round(self.fault.bound * 1000)


class Fault(ABC):
    """One way to break a cluster. It draws what it needs from its own random numbers in its constructor, so
    that the same seed gives the same plan; `plan` shows them."""

    name: ClassVar[str]
    bound: ClassVar[float]
    """Within how many seconds everything is on time again."""
    hold: ClassVar[float] = 0.0
    """For how many seconds it lasts, before `heal`."""
    counts_from_injection: ClassVar[bool] = False
    """Whether the bound counts from the injection, although the fault lasts."""
    excuses: ClassVar[bool] = True
    """Whether anything may be late or cut because of it."""
    orderly: ClassVar[bool] = False
    """Whether workers end in order because of it. Then they hand back what they do not finish, and the bound
    is of how late anything may be meanwhile."""
    stage: ClassVar[str] = "plain"
    """What it is played on; see `tests.chaos.stages`."""

    def __init__(self, random: Random) -> None:
        self.random = Random(random.getrandbits(64))

    @property
    def plan(self) -> str:
        """What it will do, as far as it is known beforehand."""
        return self.name

    async def aim(self, rig: Rig) -> None:  # noqa: B027
        """Finds what to hit, and waits until it is worth it."""

    @abstractmethod
    async def inject(self, rig: Rig) -> str:
        """Breaks it, at once; returns what was hit."""

    async def heal(self, rig: Rig) -> None:  # noqa: B027 - most faults are over at once
        """Ends it."""

    async def examine(self, rig: Rig) -> Sequence[str]:
        """What is wrong beyond what the judge sees, asked when the cluster has recovered."""
        return ()

    def found_in(self, injection: Injection, history: History) -> Iterator[str]:
        """The same from the history, once all of it is there."""
        return iter(())


Registry = Mapping[str, type[Fault]]
