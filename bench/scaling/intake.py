"""Taking jobs in, event by event: clients that send as fast as they are answered, a server of one thread, and
a MongoDB that stores in one transaction what has gathered while it stored the last."""

from collections import Counter
from collections.abc import Mapping, Sequence
from random import Random

from bench.figures import percentile
from bench.scaling.costs import NOOP, Intake
from bench.scaling.deployment import Deployment, Routing
from bench.scaling.ground import Ground
from bench.scaling.stations import Then, last_of, work

_MOST_TOGETHER = 1_000
_REQUESTS = 4_000
_LARGE = 20
"""How many times fewer requests are sent when each carries many jobs."""
_LATER = 0.33
"""Of a transaction over several shards: what its decision takes, and its commit on each of them, in parts of
what it takes there until it is prepared. Assumed."""


class SimulatedServer:
    """One server and its clients. Each job is on one shard, with its task; a request of many on the first."""

    def __init__(self, deployment: Deployment, intake: Intake) -> None:
        self._ground = Ground(deployment, NOOP)
        self._clock, self._intake = self._ground.clock, intake
        self._thread = self._ground.thread()
        self._clients = self._thread[1:]
        self._over_all = deployment.routing is Routing.BY_ID and deployment.shards > 1
        self._waiting: dict[int, list[tuple[int, float]]] = {}
        self._storing: set[int] = set()
        self._left = 0
        self._waits: list[float] = []
        self._random = Random(1)

    def rate(self) -> float:
        """Jobs a second, while its clients send some thousands or more."""
        self._left = _REQUESTS if self._intake.together == 1 else _REQUESTS // _LARGE
        for _ in range(self._intake.clients):
            self._send()
        self._clock.run()
        return len(self._waits) * self._intake.together / self._clock.now * 1e6

    def wait_ms(self, percent: float) -> float:
        """What a client has waited for its answer."""
        return percentile(sorted(self._waits), percent) / 1_000

    @property
    def mongod(self) -> float:
        """Microseconds of all shards for a job."""
        busy = sum(shard.busy for shard in self._ground.shards)
        return busy / (len(self._waits) * self._intake.together)

    def _send(self) -> None:
        if not self._left:
            return
        self._left -= 1
        each, since = self._intake.together, self._clock.now
        shard = self._random.randrange(len(self._ground.shards)) if each == 1 else 0

        def gather() -> None:
            queue = 0 if self._over_all else shard
            self._waiting.setdefault(queue, []).append((shard, since))
            self._store(queue)

        work(
            self._clock,
            self._clients,
            each * self._intake.beside,
            lambda: work(self._clock, self._thread, each * self._intake.server, gather),
        )

    def _store(self, queue: int) -> None:
        """What has gathered there: in one transaction, one at a time."""
        if queue in self._storing or not self._waiting.get(queue):
            return
        self._storing.add(queue)
        most = max(1, _MOST_TOGETHER // self._intake.together)
        group, self._waiting[queue] = self._waiting[queue][:most], self._waiting[queue][most:]

        def stored() -> None:
            self._storing.remove(queue)
            self._waits += [self._clock.now - since for _, since in group]
            self._store(queue)
            for _ in group:
                self._send()

        shares = Counter(shard for shard, _ in group)
        if len(shares) == 1:
            self._prepare(shares, stored)
        else:
            self._prepare(shares, lambda: self._decide(list(shares), stored))

    def _prepare(self, shares: Mapping[int, int], then: Then) -> None:
        """All of a transaction that goes to one shard."""
        one = last_of(len(shares), then)
        for shard, requests in shares.items():
            count = requests * self._intake.together
            time = self._intake.transaction + count * self._intake.mongod
            self._ground.shards[shard].write(count, time, one)

    def _decide(self, shards: Sequence[int], then: Then) -> None:
        """The first writes down that all are prepared, then each commits."""
        time = _LATER * self._intake.transaction

        def commit() -> None:
            one = last_of(len(shards), then)
            for shard in shards:
                self._ground.shards[shard].write(0, time, one)

        self._ground.shards[shards[0]].write(0, time, commit)
