"""What an audit has counted."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from karya.core.task import OPEN_STATES, TaskState


class Fate(StrEnum):
    """What became of an instant: exactly one of these."""

    SUCCEEDED = "succeeded"
    DEAD = "dead"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    IN_PROGRESS = "in_progress"
    WITHDRAWN = "withdrawn"
    """An update took it back before it came."""


def fate_of(states: Iterable[TaskState]) -> Fate:
    """The fate of an occurrence whose steps are in these states."""
    seen = frozenset(states)
    if not OPEN_STATES.isdisjoint(seen):
        return Fate.IN_PROGRESS
    if TaskState.DEAD in seen:
        return Fate.DEAD
    if TaskState.CANCELLED in seen:
        return Fate.CANCELLED
    return Fate.SUCCEEDED if TaskState.SUCCEEDED in seen else Fate.SKIPPED


@dataclass(slots=True)
class Tally:
    """How many of each. `trimmed` are jobs the older part of whose history may have gone by retention: only
    the rest is proven."""

    jobs: int = 0
    trimmed: int = 0
    tasks: int = 0
    hooks: int = 0
    instants: Counter[Fate] = field(default_factory=Counter)
    triggered: Counter[Fate] = field(default_factory=Counter)

    def add(self, other: "Tally") -> None:
        """Takes in what another has counted."""
        self.jobs += other.jobs
        self.trimmed += other.trimmed
        self.tasks += other.tasks
        self.hooks += other.hooks
        self.instants += other.instants
        self.triggered += other.triggered
