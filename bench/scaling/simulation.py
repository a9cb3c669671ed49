"""A cluster at work, event by event. It knows what each part does and costs, and nothing of the formula:
batches are as large as what has gathered, and everything waits where it would wait."""

from collections.abc import Sequence
from functools import partial

from bench.scaling.costs import Costs
from bench.scaling.deployment import NETWORK_BYTES_A_SECOND, Deployment
from bench.scaling.ground import Batch, Ground, Result, counted, first
from bench.scaling.stations import Network, work
from bench.scaling.workers import SimulatedWorker

_PAGE = 2_000
_HINT_BYTES = 300
_TICK = 10_000.0
"""Microseconds: what is due within them is told together."""


class Simulation:
    """The scheduler, which reads due tasks ahead by the page and tells the workers as much as they take; and
    what it works with."""

    def __init__(self, deployment: Deployment, costs: Costs) -> None:
        self._ground = Ground(deployment, costs)
        self._clock, self._costs = self._ground.clock, costs
        self._thread = self._ground.thread()
        self._network = Network(self._clock, 500 * costs.round_trip_ms, NETWORK_BYTES_A_SECOND)
        self._workers = [SimulatedWorker(self._ground, self._hint) for _ in range(deployment.workers)]
        self._stored: list[Batch] = []
        self._known: list[Batch] = []
        self._reading = self._telling = False

    def drain(self, tasks: int) -> Result:
        """All of them are due at once."""
        self._due(tasks)
        self._clock.run()
        return self._ground.result

    def at(self, rate: float, seconds: float) -> Result:
        """So many fall due a second."""
        each, left = rate * _TICK / 1e6, 0.0
        for tick in range(int(seconds * 1e6 / _TICK)):
            left += each
            count, left = int(left), left % 1
            if count:
                self._clock.after(tick * _TICK, partial(self._due, count))
        self._clock.run()
        return self._ground.result

    def _due(self, count: int) -> None:
        self._stored.append(Batch(count, self._clock.now))
        self._read()

    def _read(self) -> None:
        """A page ahead, which the workers need not wait for as long as there is one."""
        if self._reading or not self._stored or counted(self._known) >= _PAGE:
            return
        self._reading = True
        page, self._stored = first(self._stored, _PAGE)
        count = counted(page)

        def arrived() -> None:
            self._reading = False
            self._known += page
            self._hint()
            self._read()

        self._ground.database.read(count, count * self._costs.read, arrived)

    def _hint(self) -> None:
        """To the worker that has most room."""
        worker = max(self._workers, key=lambda each: each.free)
        if self._telling or not self._known or worker.free <= 0:
            return
        self._telling = True
        share = -(-counted(self._known) // len(self._workers))
        batches, self._known = first(self._known, min(worker.free, share))
        worker.promise(counted(batches))
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
        self._ground.database.write(count, time, lambda: self._tell(worker, batches))

    def _tell(self, worker: SimulatedWorker, batches: Sequence[Batch]) -> None:
        self._telling = False
        self._network.send(counted(batches) * _HINT_BYTES, lambda: worker.tell(batches))
        self._hint()
