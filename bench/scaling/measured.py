"""What was measured beside what the model says of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from bench.published import published
from bench.scaling.costs import BATCH, HTTP, NOOP, POST, RECURRING, Costs
from bench.scaling.deployment import Deployment
from bench.scaling.intake import SimulatedServer
from bench.scaling.simulation import Simulation

DRAINED = 20_000
TWO_CORES = Deployment(apart=False)
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

    @property
    def name(self) -> str:
        """For people."""
        where = f"{_many(self.cores, 'core')}, {_many(self.workers, 'worker')}"
        others = "not counted" if self.others is None else f"{self.others:g} us a task"
        return f"no-op tasks, {where}, by the run's own costs; others {others}"

    def costs(self) -> Costs:
        """For the model."""
        costs = NOOP.as_measured(self.scheduler, self.worker, self.mongod, self.flush_ms)
        return replace(costs, beside=_POLLED_US if self.others is None else self.others)

    def deployment(self) -> Deployment:
        """For the model."""
        return Deployment(self.workers, mongod_cores=self.cores, apart=False)


SITTINGS = (
    Sitting(2, 2, 55.5, 105, 223, 4.5, (3_409, 3_473)),
    Sitting(2, 1, 55.0, 90.5, 210, 2.9, (3_109, 3_699)),
    Sitting(1, 1, 57.5, 104, 226, 1.0, (2_468, 2_345)),
    Sitting(2, 2, 61.0, 111, 253, 3.1, (2_907,), 454),
    Sitting(2, 2, 64.0, 130, 280, 2.1, (3_718,), 64.5),
    Sitting(2, 1, 60.5, 116, 246, 1.1, (3_651,), 68.5),
    Sitting(2, 1, 58.5, 107, 249, 1.2, (3_496,), 138),
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

    @property
    def error(self) -> float:
        """By how many percent the simulation says more than was measured."""
        return 100 * (self.simulated / self.measured - 1)


def compared() -> Iterator[Compared]:
    """The published figures by the published costs, then each sitting by its own."""
    figures = published()
    for what, measured, costs in (
        ("no-op tasks", figures["drain of 100,000 due no-op jobs"], replace(NOOP, beside=_POLLED_US)),
        ("HTTP calls", figures["drain of 10,000 due HTTP calls"], HTTP),
        ("occurrences of recurring jobs", occurrences(figures), RECURRING),
    ):
        yield _run(f"{what}, 2 cores, 2 workers", measured, TWO_CORES, costs)
    for what, intake in (("POST /v1/jobs, 64 clients", POST), ("POST /v1/jobs/batch", BATCH)):
        simulated = SimulatedServer(TWO_CORES, intake).rate()
        yield Compared(f"{what}, 2 cores", figures[what], TWO_CORES.intake(intake)[0], simulated)
    for sitting in SITTINGS:
        yield _run(sitting.name, sitting.rates[0], sitting.deployment(), sitting.costs())


def _run(what: str, measured: float, deployment: Deployment, costs: Costs) -> Compared:
    simulated = Simulation(deployment, costs).drain(DRAINED).rate
    return Compared(what, measured, deployment.rate(costs)[0], simulated)


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


def rounded(rate: float) -> str:
    """To three digits: the model knows no more."""
    return f"{float(f'{rate:.3g}'):,.0f}"


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
        )
