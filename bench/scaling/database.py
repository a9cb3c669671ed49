"""MongoDB in the simulation: cores, a journal, copies, and the network before it."""

from dataclasses import dataclass

from bench.scaling.costs import Costs
from bench.scaling.deployment import JOURNAL_BYTES_A_SECOND, NETWORK_BYTES_A_SECOND, Deployment
from bench.scaling.stations import Clock, Journal, Network, Station, Then, first_of, last_of, work

_WRITES = 3
_APPLIED = 0.5
"""Of what a write takes where it is made, the part that each copy takes. Assumed."""


@dataclass(frozen=True, slots=True)
class _Copy:
    cores: Station
    journal: Journal


class SimulatedDatabase:
    """One shard. A durable command goes there, waits for a core, is worked on, waits for the journal, and for
    one of the copies where there are any, and is answered."""

    def __init__(self, clock: Clock, deployment: Deployment, costs: Costs, seed: int = 1) -> None:
        self._clock, self._costs = clock, costs
        self.cores = Station(clock, deployment.mongod_cores)
        routed = costs.router_ms if deployment.shards > 1 else 0.0
        self._network = Network(clock, 500 * (costs.round_trip_ms + routed), NETWORK_BYTES_A_SECOND)
        self._oplog = Network(clock, 500 * costs.round_trip_ms, NETWORK_BYTES_A_SECOND)
        members = [self._journal(1_000 * seed + number) for number in range(deployment.members)]
        self.journal = members[0]
        self._copies = [_Copy(Station(clock, deployment.mongod_cores), each) for each in members[1:]]
        self.busy = 0.0
        """Microseconds of its cores, the copies' apart."""

    def _journal(self, seed: int) -> Journal:
        flush = 1_000 * self._costs.flush_ms
        return Journal(self._clock, flush, self._costs.flush_spread, JOURNAL_BYTES_A_SECOND, seed)

    def write(self, count: float, time: float, then: Then) -> None:
        """A durable command of so many documents that keeps a core busy for so long."""
        size, journalled = self._bytes(count), count * self._costs.journal_bytes / _WRITES
        self.busy += time

        def answer() -> None:
            self._network.send(size, then)

        def store() -> None:
            there = last_of(1 + bool(self._copies), answer)
            self.journal.flush(journalled, there)
            copied = first_of(there)
            for copy in self._copies:
                self._copy(copy, journalled, _APPLIED * time, copied)

        self._network.send(size, lambda: work(self._clock, [self.cores], time, store))

    def _copy(self, copy: _Copy, size: float, time: float, then: Then) -> None:
        def flush() -> None:
            copy.journal.flush(size, lambda: self._oplog.send(0, then))

        self._oplog.send(size, lambda: work(self._clock, [copy.cores], time, flush))

    def read(self, count: float, time: float, then: Then) -> None:
        """The same without the journal."""
        size = self._bytes(count)
        self.busy += time

        def answer() -> None:
            self._network.send(size, then)

        self._network.send(size, lambda: work(self._clock, [self.cores], time, answer))

    def _bytes(self, count: float) -> float:
        """A task is written three times and read once: so many ways for its bytes."""
        return count * self._costs.network_bytes / (2 * (_WRITES + 1))
