"""What one task of each kind of load costs, as docs/benchmarks.md has it."""

from dataclasses import dataclass, replace
from math import exp

TOGETHER = 115
"""How many tasks an update of a drain carries, on average."""


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
    journal_bytes: float = 1_300.0
    """What mongod writes to its journal for a task."""
    network_bytes: float = 750.0
    """What goes in and out of mongod for a task."""

    def as_measured(self, scheduler: float, workers: float, mongod: float, flush_ms: float) -> "Costs":
        """The same with what one run took in all of each part; `flush_ms` is an average."""
        own, work = mongod / self.mongod(TOGETHER), workers / self.workers(TOGETHER)
        ratios = dict.fromkeys(("read", "claim", "outcome", "end", "command"), own)
        ratios |= dict.fromkeys(("client", "worker"), work)
        ratios["flush_ms"] = flush_ms / self.mean_flush_ms
        changed = {name: getattr(self, name) * ratio for name, ratio in ratios.items()}
        return replace(self, scheduler=scheduler, **changed)

    @property
    def mean_flush_ms(self) -> float:
        """On average, which is more than in the median."""
        return self.flush_ms * exp(self.flush_spread**2 / 2)

    def mongod(self, together: float) -> float:
        """All that MongoDB does for a task when so many go together."""
        updates = 2 + (self.end > 0)
        own = self.read + self.claim + self.outcome + self.end + self.chain_write
        return own + updates * self.command / together

    def workers(self, together: float) -> float:
        """All that a worker does for it."""
        return self.worker + (2 + (self.end > 0)) * self.client / together

    def total(self, together: float) -> float:
        """All of it, wherever."""
        scheduler = self.scheduler + self.chain
        return self.mongod(together) + self.workers(together) + scheduler + self.beside


NOOP = Costs()
"""A no-op job that is stored and falls due once."""
RECURRING = replace(NOOP, end=0.0, chain=120.0, chain_write=134.0)
"""A no-op occurrence of a job that goes on."""
HTTP = replace(NOOP, worker=292.0, claim=76.0, outcome=89.0, beside=33.0)
"""An HTTP call that is answered at once, by a target on the machine where there is only one. Outcomes of
calls end in different milliseconds and so go in smaller updates: 47 us of mongod more."""


@dataclass(frozen=True, slots=True)
class Intake:
    """What taking in one job costs, in microseconds of a processor."""

    server: float
    mongod: float
    together: int
    """How many one request carries."""
    clients: int
    beside: float
    """The client's own, on the machine where there is only one. Assumed."""


POST = Intake(server=450.0, mongod=122.0, together=1, clients=64, beside=100.0)
"""`POST /v1/jobs`: the least of the 450 to 600 us that docs/benchmarks.md found beside busy neighbours."""
BATCH = Intake(server=83.0, mongod=60.0, together=1_000, clients=2, beside=1.0)
"""`POST /v1/jobs/batch`."""
