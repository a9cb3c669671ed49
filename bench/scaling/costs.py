"""What one task of each kind of load costs: in all as docs/benchmarks.md has it, divided as it was once."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import exp
from statistics import NormalDist

from bench.published import published

TOGETHER = 115
"""How many tasks an update of a drain carried, on average, when these were taken."""


@dataclass(frozen=True, slots=True)
class Costs:
    """Microseconds of a processor, unless it says otherwise.

    They were taken on two cores that all parts share. Of MongoDB's 205 us a task, which go in commands of
    some 115 tasks, three commands at 950 are the fixed part; the rest is divided as raw MongoDB divides it.
    """

    read: float = 12.0
    """mongod: finding a due task."""
    claim: float = 66.0
    """mongod: giving out its lease."""
    outcome: float = 52.0
    """mongod: what became of it."""
    end: float = 50.0
    """mongod: the end of its job; none where the job goes on."""
    command: float = 950.0
    """mongod: one update, whatever it carries."""
    client: float = 700.0
    """A worker: one update, whatever it carries."""
    scheduler: float = 45.0
    """The scheduler: finding it and telling a worker."""
    chain: float = 0.0
    """The scheduler: its next occurrence."""
    chain_write: float = 0.0
    """mongod: its next occurrence. The scheduler waits for it."""
    worker: float = 82.0
    """A worker, for each task besides its share of the updates."""
    action_ms: float = 0.0
    """How long its action waits for something, and keeps a slot."""
    beside: float = 0.0
    """What else runs for it on the machine, where there is only one: the target of a call, who measures."""
    flush_ms: float = 1.2
    """One flush of the journal, in the median."""
    flush_spread: float = 0.75
    """Its logarithm's standard deviation: the 99th percentile is 5.7 medians, as of fdatasync."""
    round_trip_ms: float = 0.3
    """A command and its answer on the network, besides the bytes. Assumed."""
    router_ms: float = 0.3
    """What a command takes longer through the router of a sharded MongoDB. Assumed."""
    listed: float = 2_000.0
    """mongod: a page of a list, for each shard that is asked."""
    journal_bytes: float = 1_300.0
    """What mongod writes to its journal for a task."""
    network_bytes: float = 750.0
    """What goes in and out of mongod for a task, its copies apart."""

    def as_measured(
        self, scheduler: float, workers: float, mongod: float, flush_ms: float, together: float = TOGETHER
    ) -> "Costs":
        """The same with what one run took in all of each part; `flush_ms` is an average."""
        own, work = mongod / self.mongod(together), workers / self.workers(together)
        ratios = dict.fromkeys(("read", "claim", "outcome", "end", "command", "chain_write"), own)
        ratios |= dict.fromkeys(("client", "worker"), work)
        ratios["flush_ms"] = flush_ms / self.mean_flush_ms
        changed = {name: getattr(self, name) * ratio for name, ratio in ratios.items()}
        return replace(self, scheduler=scheduler, **changed)

    @property
    def mean_flush_ms(self) -> float:
        """On average, which is more than in the median."""
        return self.slowest_flush_ms(1)

    def slowest_flush_ms(self, journals: int) -> float:
        """Of so many that are waited for at once, on average."""
        mean = self.flush_spread**2 / 2
        return self.flush_ms * exp(max(mean, self.flush_spread * _LAST.inv_cdf(journals / (journals + 1))))

    @property
    def updates(self) -> int:
        """How often a worker writes for it."""
        return 2 + (self.end > 0)

    def mongod(self, together: float, shards: int = 1) -> float:
        """All that MongoDB does for a task when so many go in one command, which each of so many shards gets;
        each of them is asked for a page of those that are due, too."""
        own = self.read * shards + self.claim + self.outcome + self.end + self.chain_write
        return own + self.updates * self.command * shards / together

    def workers(self, together: float) -> float:
        """All that a worker does for it."""
        return self.worker + self.updates * self.client / together

    def total(self, together: float) -> float:
        """All of it, wherever."""
        scheduler = self.scheduler + self.chain
        return self.mongod(together) + self.workers(together) + scheduler + self.beside


_LAST = NormalDist()


@dataclass(frozen=True, slots=True)
class Intake:
    """What taking in one job costs, in microseconds of a processor."""

    server: float
    mongod: float
    transaction: float
    """mongod: one transaction on one shard, whatever it carries."""
    together: int
    """How many jobs one request carries."""
    clients: int
    beside: float
    """The client's own and the scheduler's, on the machine where there is only one."""


_FIGURES = published()


def _noop(figures: Mapping[str, float]) -> Costs:
    """What the measure `costs` recorded."""
    scheduler, workers, mongod = (
        figures[f"processor for one task, {part}"] for part in ("scheduler", "workers", "mongod")
    )
    flush = figures["one flush of the journal, on average"]
    together = figures["documents in one update, on average"]
    costs = Costs().as_measured(scheduler, workers, mongod, flush, together)
    return replace(
        costs,
        journal_bytes=figures["journal for one task"],
        network_bytes=figures["network of mongod for one task"],
    )


NOOP = _noop(_FIGURES)
"""A no-op job that is stored and falls due once."""
OTHERS = _FIGURES["processor for one task, all others"]
"""What the rest of the machine took for each of them: Ray, who measures."""
_HOUR = NOOP.claim / Costs().claim
"""How slow a processor was in that hour. The next three were taken in others, beside no-op tasks."""
RECURRING = replace(NOOP, end=0.0, chain=120.0 * _HOUR, chain_write=134.0 * _HOUR)
"""A no-op occurrence of a job that goes on."""
HTTP = replace(
    NOOP,
    worker=NOOP.worker + 210 * _HOUR,
    claim=NOOP.claim + 10 * _HOUR,
    outcome=NOOP.outcome + 37 * _HOUR,
    beside=33.0 * _HOUR,
)
"""An HTTP call that is answered at once, by a target on the machine where there is only one. Outcomes of
calls end in different milliseconds and so go in smaller updates."""
POST = Intake(1e6 / _FIGURES["POST /v1/jobs, 64 clients"], 58.0, 1_500.0, 1, 64, beside=144.0)
"""`POST /v1/jobs`. The server's part is fitted: its thread is taken to be busy all the time at the recorded
rate. Of mongod 100 to 145 us were measured, in groups of some 24; beside are 116 of a client and 28 of the
scheduler."""
BATCH = Intake(1e6 / _FIGURES["POST /v1/jobs/batch"], 58.0, 1_500.0, 1_000, 2, beside=1.0)
"""`POST /v1/jobs/batch`, fitted like that."""
