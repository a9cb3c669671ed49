"""A drain, event by event: batches of tasks wait for the parts that work on them one after the other.

It knows the costs, the parts and the credit of the workers, and nothing of the formula.
"""

import heapq
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench.scaling.costs import Costs
from bench.scaling.deployment import BATCH, Deployment

_Then = Callable[[], None]


@dataclass(slots=True)
class Station:
    """So many servers with one queue before them; each serves one batch at a time."""

    servers: int
    busy: int = 0
    waiting: deque[_Then] = field(default_factory=deque)

    def enter(self, then: _Then) -> None:
        """As soon as a server is free."""
        if self.busy == self.servers:
            self.waiting.append(then)
            return
        self.busy += 1
        then()

    def leave(self) -> None:
        """The server turns to the next."""
        if self.waiting:
            self.waiting.popleft()()
        else:
            self.busy -= 1


class Clock:
    """What happens next; time in microseconds."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, _Then]] = []
        self._number = 0

    def after(self, delay: float, then: _Then) -> None:
        """Lets something happen later."""
        self._number += 1
        heapq.heappush(self._events, (self.now + delay, self._number, then))

    def run(self) -> None:
        """Until nothing is left to happen."""
        while self._events:
            self.now, _, then = heapq.heappop(self._events)
            then()

    def serve(self, stations: Sequence[Station], time: float, then: _Then) -> None:
        """Takes one server of each for so long: a thread, and a core for it to run on."""

        def leave() -> None:
            for station in stations:
                station.leave()
            then()

        def enter(left: Sequence[Station]) -> None:
            if left:
                left[0].enter(lambda: enter(left[1:]))
            else:
                self.after(time, leave)

        enter(stations)


class Drain:
    """`tasks` are due at once; a worker takes as many as it has slots, in batches."""

    def __init__(self, deployment: Deployment, costs: Costs, tasks: int) -> None:
        self._costs = costs
        self._clock = Clock()
        self._left = [tasks // deployment.schedulers] * deployment.schedulers
        self._done = 0
        self._turn = 0
        cores = () if deployment.apart else (Station(deployment.shard_cores),)
        self._schedulers = [(Station(1), *cores) for _ in range(deployment.schedulers)]
        self._workers = [(Station(1), *cores) for _ in range(deployment.workers)]
        self._shards = [cores or (Station(deployment.shard_cores),) for _ in range(deployment.shards)]
        self._credits = deployment.slots // BATCH

    def rate(self) -> float:
        """Tasks a second, from the first to the last."""
        for _ in range(self._credits):
            for worker in range(len(self._workers)):
                self._next(worker)
        self._clock.run()
        return self._done / self._clock.now * 1e6

    def _next(self, worker: int) -> None:
        """The next batch for a worker that has room for one, from a scheduler that has any; each lies on some
        shard."""
        self._turn += 1
        number = next((n for n in self._in_turn() if self._left[n] > 0), None)
        if number is None:
            return
        count = min(BATCH, self._left[number])
        self._left[number] -= count
        shard = self._shards[self._turn % len(self._shards)]
        steps = (
            (shard, self._costs.read),
            (self._schedulers[number], self._costs.scheduler),
            (shard, self._costs.claim),
            (self._workers[worker], self._costs.worker),
            (shard, self._costs.outcome),
        )
        self._step(worker, count, steps)

    def _in_turn(self) -> Sequence[int]:
        schedulers = len(self._left)
        return [(self._turn + offset) % schedulers for offset in range(schedulers)]

    def _step(self, worker: int, count: int, steps: Sequence[tuple[Sequence[Station], float]]) -> None:
        if not steps:
            self._done += count
            self._next(worker)
            return
        (stations, cost), rest = steps[0], steps[1:]
        self._clock.serve(stations, cost * count, lambda: self._step(worker, count, rest))
