"""MongoDB in the simulation: cores, a journal and the network before it."""

from bench.scaling.costs import Costs
from bench.scaling.deployment import JOURNAL_BYTES_A_SECOND, NETWORK_BYTES_A_SECOND, Deployment
from bench.scaling.stations import Clock, Journal, Network, Station, Then, work

_WRITES = 3


class SimulatedDatabase:
    """A durable command goes there, waits for a core, is worked on, waits for the journal and is answered."""

    def __init__(self, clock: Clock, deployment: Deployment, costs: Costs, seed: int = 1) -> None:
        self._clock, self._costs = clock, costs
        self.cores = Station(clock, deployment.mongod_cores)
        way = 500 * costs.round_trip_ms
        self._network = Network(clock, way, NETWORK_BYTES_A_SECOND)
        flush = 1_000 * costs.flush_ms
        self.journal = Journal(clock, flush, costs.flush_spread, JOURNAL_BYTES_A_SECOND, seed)

    def write(self, count: int, time: float, then: Then) -> None:
        """A durable command of so many documents that keeps a core busy for so long."""
        size, journalled = self._bytes(count), count * self._costs.journal_bytes / _WRITES

        def answer() -> None:
            self._network.send(size, then)

        def flush() -> None:
            self.journal.flush(journalled, answer)

        self._network.send(size, lambda: work(self._clock, [self.cores], time, flush))

    def read(self, count: int, time: float, then: Then) -> None:
        """The same without the journal."""
        size = self._bytes(count)

        def answer() -> None:
            self._network.send(size, then)

        self._network.send(size, lambda: work(self._clock, [self.cores], time, answer))

    def _bytes(self, count: int) -> float:
        """A task is written three times and read once: so many ways for its bytes."""
        return count * self._costs.network_bytes / (2 * (_WRITES + 1))
