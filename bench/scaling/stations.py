"""Where work waits for its turn. Time is in microseconds."""

import heapq
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import exp
from random import Random

Then = Callable[[], None]


class Clock:
    """What happens next."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Then]] = []
        self._number = 0

    def after(self, delay: float, then: Then) -> None:
        """Lets something happen later."""
        self._number += 1
        heapq.heappush(self._events, (self.now + delay, self._number, then))

    def run(self) -> None:
        """Until nothing is left to happen."""
        while self._events:
            self.now, _, then = heapq.heappop(self._events)
            then()


@dataclass(slots=True)
class Station:
    """So many servers with one queue before them: the cores of a machine, or a thread."""

    clock: Clock
    servers: int
    busy: int = 0
    waiting: deque[Then] = field(default_factory=deque)

    def enter(self, then: Then) -> None:
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


def work(clock: Clock, stations: Sequence[Station], time: float, then: Then) -> None:
    """Takes one server of each for so long: a thread, and a core for it to run on."""

    def leave() -> None:
        for station in stations:
            station.leave()
        then()

    def enter(left: Sequence[Station]) -> None:
        if left:
            left[0].enter(lambda: enter(left[1:]))
        else:
            clock.after(time, leave)

    enter(stations)


class Journal:
    """Of one MongoDB: one flush at a time makes durable what was written before it began. All who wait by
    then share it; who comes later waits for the next."""

    def __init__(self, clock: Clock, median: float, spread: float, bytes_a_second: float, seed: int) -> None:
        self._clock = clock
        self._median, self._spread, self._speed = median, spread, bytes_a_second / 1e6
        self._random = Random(seed)
        self._waiting: list[Then] = []
        self._bytes = 0.0
        self._flushing = False
        self.flushes = 0

    def flush(self, size: float, then: Then) -> None:
        """Goes on once so many bytes are durable."""
        self._waiting.append(then)
        self._bytes += size
        if not self._flushing:
            self._begin()

    def _begin(self) -> None:
        self._flushing = True
        self.flushes += 1
        served, self._waiting = self._waiting, []
        size, self._bytes = self._bytes, 0.0
        delay = self._median * exp(self._random.gauss(0.0, self._spread))
        self._clock.after(delay + size / self._speed, lambda: self._end(served))

    def _end(self, served: Sequence[Then]) -> None:
        self._flushing = False
        for then in served:
            then()
        if self._waiting and not self._flushing:
            self._begin()


class Network:
    """Of one node: its bytes go one after the other, and each way takes a while besides."""

    def __init__(self, clock: Clock, way: float, bytes_a_second: float) -> None:
        self._clock = clock
        self._way, self._speed = way, bytes_a_second / 1e6
        self._line = Station(clock, 1)

    def send(self, size: float, then: Then) -> None:
        """Goes on once so many bytes are there."""
        work(self._clock, [self._line], size / self._speed, lambda: self._clock.after(self._way, then))


def last_of(count: int, then: Then) -> Then:
    """What to do at the end of each of so many things: goes on behind the last."""
    left = count

    def one() -> None:
        nonlocal left
        left -= 1
        if not left:
            then()

    return one


def first_of(then: Then) -> Then:
    """What to do at the end of each of some things: goes on behind the first."""
    ended = False

    def one() -> None:
        nonlocal ended
        if not ended:
            ended = True
            then()

    return one
