"""A scheduler in the simulation."""

from collections.abc import Sequence

from bench.scaling.deployment import NETWORK_BYTES_A_SECOND
from bench.scaling.ground import Batch, Ground, counted, first
from bench.scaling.stations import Network, work
from bench.scaling.workers import SimulatedWorker

_PAGE = 2_000
_HINT_BYTES = 300


class SimulatedScheduler:
    """Reads what is due of its partitions ahead by the page, and tells the workers as much as they take."""

    def __init__(self, ground: Ground, number: int) -> None:
        self._ground, self._number = ground, number
        self._clock, self._costs = ground.clock, ground.costs
        self._thread = ground.thread()
        self._network = Network(self._clock, 500 * self._costs.round_trip_ms, NETWORK_BYTES_A_SECOND)
        self.workers: list[SimulatedWorker] = []
        self._stored: list[Batch] = []
        self._known: list[Batch] = []
        self._reading = self._telling = False

    def due(self, count: int) -> None:
        """So many fall due."""
        self._stored.append(Batch(count, self._clock.now, self._number))
        self._read()

    def _read(self) -> None:
        """A page ahead, which the workers need not wait for as long as there is one."""
        if self._reading or not self._stored or counted(self._known) >= _PAGE:
            return
        self._reading = True
        page, self._stored = first(self._stored, _PAGE)

        def arrived() -> None:
            self._reading = False
            self._known += page
            self.hint()
            self._read()

        self._ground.read(page, arrived)

    def hint(self) -> None:
        """To the worker that has most room."""
        if self._telling or not self._known:
            return
        worker = max(self.workers, key=lambda each: each.free(self._number))
        free = worker.free(self._number)
        if free <= 0:
            return
        self._telling = True
        share = -(-counted(self._known) // len(self.workers))
        batches, self._known = first(self._known, min(free, share))
        worker.promise(self._number, counted(batches))
        self._read()
        time = counted(batches) * (self._costs.scheduler + self._costs.chain)
        work(self._clock, self._thread, time, lambda: self._chain(worker, batches))

    def _chain(self, worker: SimulatedWorker, batches: Sequence[Batch]) -> None:
        """The next occurrences come first, and the scheduler waits for them."""
        count = counted(batches)
        if not self._costs.chain_write:
            self._tell(worker, batches)
            return
        time = self._costs.command + count * self._costs.chain_write
        shard = self._ground.shards[self._ground.deployment.shard_of(self._number)]
        shard.write(count, time, lambda: self._tell(worker, batches))

    def _tell(self, worker: SimulatedWorker, batches: Sequence[Batch]) -> None:
        self._telling = False
        self._network.send(counted(batches) * _HINT_BYTES, lambda: worker.tell(batches))
        self.hint()
