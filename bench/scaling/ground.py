"""What the parts of a simulated cluster share, and what is written down of it."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate

from bench.scaling.costs import Costs
from bench.scaling.database import SimulatedDatabase
from bench.scaling.deployment import Deployment, Routing
from bench.scaling.stations import Clock, Station, Then, last_of, work

_LISTED = 100
_SETTLED_AFTER = 0.1
"""Of the batches, the share that is not looked at: the cluster has just begun."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Tasks that could be told from one instant on (microseconds)."""

    count: int
    since: float
    scheduler: int = 0
    """Whose partitions they are of."""


@dataclass(slots=True)
class Result:
    """What a run came to."""

    tasks: int = 0
    ended_at: float = 0.0
    updates: int = 0
    updated: int = 0
    starts: list[tuple[float, int]] = field(default_factory=list)
    ends: list[tuple[float, int]] = field(default_factory=list)
    lists: list[tuple[float, int]] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Tasks a second."""
        return self.tasks / self.ended_at * 1e6

    @property
    def settled_rate(self) -> float:
        """The same of a drain, without its beginning and its end: from when a fifth had ended until a fifth
        was left."""
        began, until = (_percentile(self.ends, percent, 0.0) for percent in (20, 80))
        return 0.6 * self.tasks / (until - began) * 1_000

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

    def list_ms(self, percent: float) -> float:
        """A page of a list, as its reader waits for it."""
        return _percentile(self.lists, percent)


def _percentile(
    weighted: Sequence[tuple[float, int]], percent: float, left_out: float = _SETTLED_AFTER
) -> float:
    """In milliseconds."""
    settled = sorted(weighted[int(len(weighted) * left_out) :])
    numbers = list(accumulate(count for _, count in settled))
    return settled[bisect_right(numbers, int(numbers[-1] * percent / 100) - 1)][0] / 1_000


class Ground:
    """Time, the costs, the shards, and the cores that all share where there is one machine."""

    def __init__(self, deployment: Deployment, costs: Costs) -> None:
        self.deployment, self.costs = deployment, costs
        self.clock = Clock()
        self.shards = [
            SimulatedDatabase(self.clock, deployment, costs, seed=number + 1)
            for number in range(deployment.shards)
        ]
        self.result = Result()
        self._shared = [] if deployment.apart else [self.shards[0].cores]

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

    def update(self, batches: Sequence[Batch], each: float, thread: Sequence[Station], then: Then) -> None:
        """A worker's durable update of these tasks: a command to each shard that has some, all at once."""
        shares = self._shares(batches)
        self.result.updates += len(shares)
        self.result.updated += counted(batches)
        one = last_of(len(shares), then)

        def send() -> None:
            for shard, count in shares.items():
                self.shards[shard].write(count, self.costs.command + count * each, one)

        commands = len(shares) if self.deployment.routing is Routing.SPREAD else 1
        work(self.clock, thread, commands * self.costs.client, send)

    def read(self, batches: Sequence[Batch], then: Then) -> None:
        """A page of what is due, from where it may be: who does not know that gets a page of each shard."""
        shares, whole = self._shares(batches), counted(batches)
        one = last_of(len(shares), then)
        for shard in shares:
            self.shards[shard].read(whole, whole * self.costs.read, one)

    def list(self) -> None:
        """A reader's page of all jobs: of each shard a page."""
        began = self.clock.now
        there = last_of(len(self.shards), lambda: self.result.lists.append((self.clock.now - began, 1)))
        for shard in self.shards:
            shard.read(_LISTED, self.costs.listed, there)

    def _shares(self, batches: Sequence[Batch]) -> Mapping[int, float]:
        """How many of them each shard has that is asked."""
        if self.deployment.routing is Routing.BY_ID:
            many = len(self.shards)
            return dict.fromkeys(range(many), counted(batches) / many)
        found: Counter[int] = Counter()
        for batch in batches:
            found[self.deployment.shard_of(batch.scheduler)] += batch.count
        return dict(found)


def counted(batches: Sequence[Batch]) -> int:
    """How many tasks these are."""
    return sum(batch.count for batch in batches)


def first(batches: Sequence[Batch], most: int) -> tuple[list[Batch], list[Batch]]:
    """The first tasks, so many at most, and what is left."""
    taken: list[Batch] = []
    for number, batch in enumerate(batches):
        room = most - counted(taken)
        if batch.count > room:
            cut = [replace(batch, count=room)] if room else []
            return taken + cut, [replace(batch, count=batch.count - room), *batches[number + 1 :]]
        taken.append(batch)
    return taken, []


def _nothing() -> None:
    pass
