"""A cluster at work, event by event. It knows what each part does and costs, and nothing of the formula:
batches are as large as what has gathered, and everything waits where it would wait."""

from functools import partial

from bench.scaling.costs import Costs
from bench.scaling.deployment import PARTITIONS, Deployment, Routing
from bench.scaling.ground import Ground, Result
from bench.scaling.schedulers import SimulatedScheduler
from bench.scaling.workers import SimulatedWorker

_TICK = 10_000.0
"""Microseconds: what is due within them is told together."""


class Simulation:
    """All of its schedulers with their partitions, its workers and its shards."""

    def __init__(self, deployment: Deployment, costs: Costs) -> None:
        self._ground = Ground(deployment, costs)
        self._clock = self._ground.clock
        self._schedulers = [SimulatedScheduler(self._ground, each) for each in range(deployment.schedulers)]
        for number in range(deployment.workers):
            self._hire(number, deployment)

    def _hire(self, number: int, deployment: Deployment) -> None:
        """A worker hears the one scheduler whose turn it is, or all of them."""
        everybody = range(deployment.schedulers)
        heard = everybody if deployment.routing is Routing.SPREAD else [number % deployment.schedulers]
        worker = SimulatedWorker(self._ground, {each: self._schedulers[each].hint for each in heard})
        for each in heard:
            self._schedulers[each].workers.append(worker)

    def drain(self, tasks: int) -> Result:
        """All of them are due at once."""
        for number, scheduler in enumerate(self._schedulers):
            scheduler.due(round(tasks * self._share(number)))
        self._clock.run()
        return self._ground.result

    def at(self, rate: float, seconds: float, lists: float = 0.0) -> Result:
        """So many fall due a second, and so many pages of a list are read."""
        ticks = int(seconds * 1e6 / _TICK)
        for number, scheduler in enumerate(self._schedulers):
            each, left = self._share(number) * rate * _TICK / 1e6, 0.0
            begin = _TICK * number / len(self._schedulers)
            for tick in range(ticks):
                left += each
                count, left = int(left), left % 1
                if count:
                    self._clock.after(begin + tick * _TICK, partial(scheduler.due, count))
        for turn in range(int(seconds * lists)):
            self._clock.after(turn * 1e6 / lists, self._ground.list)
        self._clock.run()
        return self._ground.result

    def _share(self, scheduler: int) -> float:
        return self._ground.deployment.owned(scheduler) / PARTITIONS
