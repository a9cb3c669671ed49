"""How the whole cluster stands at one moment."""

from karya.core.times import Instant
from karya.core.views.base import View


class AtLeast(View):
    """A number that is counted up to a bound: with `more` there are more than that."""

    count: int
    more: bool = False

    @classmethod
    def of(cls, count: int, most: int) -> "AtLeast":
        """What a count that stops at `most` tells."""
        return cls(count=min(count, most), more=count >= most)

    def plus(self, other: "AtLeast") -> "AtLeast":
        """Both together."""
        return AtLeast(count=self.count + other.count, more=self.more or other.more)


class WorkerLoad(View):
    """A connected worker: how many tasks it runs, and how many more it takes."""

    name: str
    pool: str
    running: int
    free: int


class PoolStanding(View):
    """A pool: its connected workers together, and how many due tasks wait for them."""

    name: str
    workers: int
    running: int
    free: int
    waiting: int


class LagBucket(View):
    """How many attempts have started no later than `seconds` (null: at all) after they were due."""

    seconds: float | None
    count: int


class Counters(View):
    """What all workers have counted since they started: a reader takes the difference of two."""

    succeeded: int = 0
    failed: int = 0
    lag: tuple[LagBucket, ...] = ()


class OverviewView(View):
    """What is going on. `due` tasks could start and `late` ones could have a second ago. `limited` ones are
    due too, but wait for room in a concurrency key or a rate; `limited_since` is when the first of them was
    due. `failed` are dead letters; `hour` says how many tasks come in each five minutes of the next hour.
    `scheduler`, `pools`, `workers` and `counters` are those of the whole cluster, null or empty when its
    scheduler does not answer, as is `running` for those who see all jobs; the numbers are of the jobs that
    the caller sees."""

    at: Instant
    scheduler: str | None
    leads: bool
    due: AtLeast
    late: AtLeast
    limited: AtLeast
    limited_since: Instant | None
    running: AtLeast | None
    failed: AtLeast
    active: AtLeast
    paused: AtLeast
    hour: tuple[AtLeast, ...]
    pools: tuple[PoolStanding, ...]
    workers: tuple[WorkerLoad, ...]
    counters: Counters
