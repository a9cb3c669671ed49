"""Taking jobs in, event by event: clients that send as fast as they are answered, a server of one thread, and
a MongoDB that stores in one transaction what has gathered while it stored the last."""

from bench.scaling.costs import NOOP, Intake
from bench.scaling.deployment import Deployment
from bench.scaling.ground import Ground
from bench.scaling.stations import work

_MOST_TOGETHER = 1_000
_REQUESTS = 4_000
_LARGE = 20
"""How many times fewer requests are sent when each carries many jobs."""


class SimulatedServer:
    """One cluster's server and its clients."""

    def __init__(self, deployment: Deployment, intake: Intake) -> None:
        self._ground = Ground(deployment, NOOP)
        self._clock, self._intake = self._ground.clock, intake
        self._thread = self._ground.thread()
        self._clients = self._thread[1:]
        self._waiting = 0
        self._storing = False
        self._left = 0
        self._answered = 0

    def rate(self) -> float:
        """Jobs a second, while its clients send some thousands or more."""
        self._left = _REQUESTS if self._intake.together == 1 else _REQUESTS // _LARGE
        for _ in range(self._intake.clients):
            self._send()
        self._clock.run()
        return self._answered * self._intake.together / self._clock.now * 1e6

    def _send(self) -> None:
        if not self._left:
            return
        self._left -= 1
        each = self._intake.together

        def receive() -> None:
            work(self._clock, self._thread, each * self._intake.server, self._gather)

        work(self._clock, self._clients, each * self._intake.beside, receive)

    def _gather(self) -> None:
        self._waiting += 1
        self._store()

    def _store(self) -> None:
        if self._storing or not self._waiting:
            return
        self._storing = True
        group = min(self._waiting, max(1, _MOST_TOGETHER // self._intake.together))
        self._waiting -= group
        count = group * self._intake.together

        def stored() -> None:
            self._storing = False
            self._answered += group
            self._store()
            for _ in range(group):
                self._send()

        self._ground.database.write(count, count * self._intake.mongod, stored)
