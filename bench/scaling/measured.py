"""What was measured beside what the model says of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from bench.published import published
from bench.scaling.costs import BATCH, HTTP, NOOP, OTHERS, POST, RECURRING, Costs
from bench.scaling.deployment import Deployment
from bench.scaling.intake import SimulatedServer
from bench.scaling.limits import intake, rate
from bench.scaling.played import drained, loaded, rounded
from bench.scaling.steps import TWO_CORES

LEAD_MS = 80.0
"""So long before the instant, at least, a worker is told."""
_LAG_SECONDS = 15.0
_POLLED_US = 16.0
"""What the benchmark takes for each task to ask whether all has ended."""
_EACH_SECOND, _PATIENCE_SECONDS = 10_000, 2
_LENGTHS = {"for five minutes": 300, "for a minute": 60}


@dataclass(frozen=True, slots=True)
class Sitting:
    """One run of `python -m bench costs drain`: what a task took, in microseconds, and how fast they went."""

    cores: int
    workers: int
    scheduler: float
    worker: float
    mongod: float
    flush_ms: float
    rates: tuple[float, ...]
    """Of the 20,000 whose costs these are, and where it was taken of the 10,000 three times behind them."""
    others: float | None = None
    """What all other processes of the machine took meanwhile, where that was counted."""
    all_counted: bool = False
    """And nothing of what ran before."""

    @property
    def name(self) -> str:
        """For people."""
        where = f"{_many(self.cores, 'core')}, {_many(self.workers, 'worker')}"
        others = "not counted" if self.others is None else f"{self.others:g} us a task"
        return f"no-op tasks, {where}, by the run's own costs; others {others}"

    def costs(self) -> Costs:
        """For the model."""
        costs = Costs().as_measured(self.scheduler, self.worker, self.mongod, self.flush_ms)
        return replace(costs, beside=_POLLED_US if self.others is None else self.others)

    def deployment(self) -> Deployment:
        """For the model."""
        return Deployment(self.workers, mongod_cores=self.cores, apart=False)


SITTINGS = (
    Sitting(2, 2, 55.5, 105, 223, 4.5, (3_409, 3_473)),
    Sitting(2, 1, 55.0, 90.5, 210, 2.9, (3_109, 3_699)),
    Sitting(1, 1, 57.5, 104, 226, 1.0, (2_468, 2_345)),
    Sitting(2, 2, 61.0, 111, 253, 3.1, (2_907,), 454),
    Sitting(2, 2, 64.0, 130, 280, 2.1, (3_718,), 64.5, True),
    Sitting(2, 1, 60.5, 116, 246, 1.1, (3_651,), 68.5, True),
    Sitting(2, 1, 58.5, 107, 249, 1.2, (3_496,), 138, True),
)
"""28 November 2026: three one after the other, the third with all processes kept to one core; half an hour
later the other four. Of these the others were counted from a moment before the first task was due, so they
are too much."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One measurement and the model's word on it, a second."""

    what: str
    measured: float
    formula: float
    simulated: float
    allowed: float
    """How far off it may be, in percent: no less than such a measurement differs by itself."""

    @property
    def error(self) -> float:
        """By how many percent the simulation says more than was measured."""
        return 100 * (self.simulated / self.measured - 1)


ITS_OWN = 15.0
"""Costs of the same run, all of them counted. Whatever the speed of the machine, rate times costs is what its
cores were busy. Three drains of one cluster differ by 12 %, and 7 % of the cores were idle in a drain."""
ANOTHER = 25.0
"""Costs of another run of the same hour, or in parts of it: two drains of it differ by 28 %."""
LONG = 35.0
"""A backlog ten times as long, whose pages are written out meanwhile, by the costs of a short one."""
OVERWHELMED = 100.0
"""Three times as much falls due as can be done, for minutes: four runs of one day did 1,250 to 3,380 a
second, and what makes the difference is not known. The model says what the costs would allow."""
FITTED = 20.0
"""The figure is where a cost comes from: what is left is what the simulation waits for besides. 17 % where
a server's thread shares two cores with its clients."""
UNCOUNTED = 30.0
"""What else ran on the machine was not counted, or too much of it."""


def compared() -> Iterator[Compared]:
    """The published figures by the published costs, then each sitting by its own."""
    figures = published()
    noop = replace(NOOP, beside=OTHERS)
    for what, name, costs, allowed in (
        ("a drain of 20,000, by its own costs", "drain of 20,000 due no-op jobs", noop, ITS_OWN),
        ("a drain of 10,000, by the costs of that one", "drain of 10,000 due no-op jobs", noop, ANOTHER),
        ("a drain of 100,000, by the same costs", "drain of 100,000 due no-op jobs", noop, LONG),
        ("HTTP calls", "drain of 10,000 due HTTP calls", HTTP, ANOTHER),
    ):
        yield _run(f"{what}, 2 cores, 2 workers", figures[name], TWO_CORES, costs, allowed)
    recurring = "occurrences of recurring jobs, 2 cores, 2 workers"
    yield _run(recurring, occurrences(figures), TWO_CORES, RECURRING, OVERWHELMED)
    for what, jobs in (("POST /v1/jobs, 64 clients", POST), ("POST /v1/jobs/batch", BATCH)):
        simulated = SimulatedServer(TWO_CORES, jobs).rate()
        name = f"{what}, 2 cores; fitted"
        yield Compared(name, figures[what], intake(TWO_CORES, jobs)[0], simulated, FITTED)
    for sitting in SITTINGS:
        allowed = ITS_OWN if sitting.all_counted else UNCOUNTED
        yield _run(sitting.name, sitting.rates[0], sitting.deployment(), sitting.costs(), allowed)


def _run(what: str, measured: float, cluster: Deployment, costs: Costs, allowed: float) -> Compared:
    return Compared(what, measured, rate(cluster, costs)[0], drained(cluster, costs), allowed)


def occurrences(figures: Mapping[str, float]) -> float:
    """A second, where more fall due than can run: some of them had run two seconds after the end. Of the
    longest run there is."""
    shares = (
        (
            figures.get(f"10,000 jobs of one second {length}: occurrences that had run 2 s after the end"),
            seconds,
        )
        for length, seconds in _LENGTHS.items()
    )
    share, seconds = next((share, seconds) for share, seconds in shares if share is not None)
    return share / 100 * _EACH_SECOND * seconds / (seconds + _PATIENCE_SECONDS)


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'s' if count > 1 else ''}"


def error_rows() -> Iterator[Sequence[str]]:
    """For docs/scaling.md."""
    for each in compared():
        yield (
            each.what,
            f"{each.measured:,.0f}",
            rounded(each.formula),
            rounded(each.simulated),
            f"{each.error:+.0f} %",
            f"± {each.allowed:.0f} %",
        )


def lag_rows() -> Iterator[Sequence[str]]:
    """How late starts were, and how late they are in the simulation, which knows no stalls."""
    figures = published()
    costs = replace(NOOP, beside=OTHERS)
    for wanted in (100, 500, 1_000, 5_000, 10_000):
        name = f"start lag at {wanted:,} tasks/s"
        found = loaded(TWO_CORES, costs, wanted, _LAG_SECONDS)
        late = (max(0.0, found.start_ms(percent) - LEAD_MS) for percent in (50, 99))
        measured = (figures[f"{name}, {which}"] for which in ("median", "99th percentile"))
        yield (
            f"{wanted:,}",
            " / ".join(f"{each:,g}" for each in measured),
            " / ".join(f"{e:,.0f}" for e in late),
        )
