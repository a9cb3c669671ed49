"""What is to happen to a message, drawn by seed."""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Any


class Fate(StrEnum):
    """What may happen."""

    PASSED = "passed"
    LOST = "lost"
    REPEATED = "repeated"
    DELAYED = "delayed"


@dataclass(frozen=True, slots=True)
class Odds:
    """How likely each of it is; what is delayed is so by up to `longest` seconds."""

    seed: int = 0
    lost: float = 0.0
    repeated: float = 0.0
    delayed: float = 0.0
    longest: float = 0.0


class Lots:
    """Draws by the odds that hold now, and counts."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self.change({})

    def change(self, odds: dict[str, Any]) -> dict[str, int]:
        """From now on by these. Returns how often each fate has been drawn under the former ones."""
        self._odds = Odds(**odds)
        self._random = Random(self._odds.seed)
        counts, self._counts = self._counts, Counter()
        return dict(counts)

    def draw(self) -> Fate:
        """The fate of the next message."""
        odds, drawn, fate = self._odds, self._random.random(), Fate.PASSED
        for each, share in (
            (Fate.LOST, odds.lost),
            (Fate.REPEATED, odds.repeated),
            (Fate.DELAYED, odds.delayed),
        ):
            if 0 <= drawn < share:
                fate = each
                break
            drawn -= share
        self._counts[fate] += 1
        return fate

    def delay(self) -> float:
        """For how many seconds one is to be kept."""
        return self._random.uniform(0.0, self._odds.longest)
