"""What the parts of a simulated cluster share, and what is written down of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.figures import percentile
from bench.scaling.costs import Costs
from bench.scaling.database import SimulatedDatabase
from bench.scaling.deployment import Deployment
from bench.scaling.stations import Clock, Station, Then, work

_SETTLED_AFTER = 0.1
"""Of the batches, the share that is not looked at: the cluster has just begun."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Tasks that could be told from one instant on (microseconds)."""

    count: int
    since: float


@dataclass(slots=True)
class Result:
    """What a run came to."""

    tasks: int = 0
    ended_at: float = 0.0
    updates: int = 0
    updated: int = 0
    starts: list[tuple[float, int]] = field(default_factory=list)
    ends: list[tuple[float, int]] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Tasks a second."""
        return self.tasks / self.ended_at * 1e6

    @property
    def together(self) -> float:
        """Documents in an update, on average."""
        return self.updated / self.updates

    def start_ms(self, percent: float) -> float:
        """From when a task could be told until it might start."""
        return _percentile(self.starts, percent)

    def end_ms(self, percent: float) -> float:
        """From when a task could be told until it and its job had durably ended."""
        return _percentile(self.ends, percent)


def _percentile(weighted: Sequence[tuple[float, int]], percent: float) -> float:
    settled = weighted[int(len(weighted) * _SETTLED_AFTER) :]
    return percentile(sorted(time for time, count in settled for _ in range(count)), percent) / 1_000


class Ground:
    """Time, the costs, the database, and the cores that all share where there is one machine."""

    def __init__(self, deployment: Deployment, costs: Costs) -> None:
        self.deployment, self.costs = deployment, costs
        self.clock = Clock()
        self.database = SimulatedDatabase(self.clock, deployment, costs)
        self.result = Result()
        self._shared = [] if deployment.apart else [self.database.cores]

    def thread(self) -> Sequence[Station]:
        """One, and what it needs to run."""
        return [Station(self.clock, 1), *self._shared]

    def started(self, batches: Sequence[Batch]) -> None:
        """These are claimed."""
        self.result.starts += [(self.clock.now - batch.since, batch.count) for batch in batches]
        if self._shared and self.costs.beside:
            work(self.clock, self._shared, self.costs.beside * counted(batches), _nothing)

    def ended(self, batches: Sequence[Batch]) -> None:
        """These and their jobs have durably ended."""
        self.result.ends += [(self.clock.now - batch.since, batch.count) for batch in batches]
        self.result.tasks += counted(batches)
        self.result.ended_at = self.clock.now

    def update(self, count: int, each: float, thread: Sequence[Station], then: Then) -> None:
        """One durable update of so many tasks by a worker."""
        self.result.updates += 1
        self.result.updated += count
        time = self.costs.command + count * each
        work(self.clock, thread, self.costs.client, lambda: self.database.write(count, time, then))


def counted(batches: Sequence[Batch]) -> int:
    """How many tasks these are."""
    return sum(batch.count for batch in batches)


def first(batches: Sequence[Batch], most: int) -> tuple[list[Batch], list[Batch]]:
    """The first tasks, so many at most, and what is left."""
    taken: list[Batch] = []
    for number, batch in enumerate(batches):
        room = most - counted(taken)
        if batch.count > room:
            cut = [Batch(room, batch.since)] if room else []
            return taken + cut, [Batch(batch.count - room, batch.since), *batches[number + 1 :]]
        taken.append(batch)
    return taken, []


def _nothing() -> None:
    pass
