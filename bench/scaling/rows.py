"""The rows of the tables that the model makes."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from bench.scaling.costs import BATCH, HTTP, NOOP, POST, RECURRING, Costs, Intake
from bench.scaling.deployment import Deployment, needed, servers
from bench.scaling.intake import SimulatedServer
from bench.scaling.measured import TWO_CORES, rounded
from bench.scaling.simulation import Simulation

_CORES = (2, 4, 8)
_RATES = (10_000, 20_000, 50_000, 100_000, 250_000, 1_000_000)
_LOAD = 0.8
"""Of what it can do, where latencies are looked at: a quarter in hand."""
_SECONDS = 2.0
_DRAINED = 60_000
LARGE = Deployment(workers=6, slots=500, mongod_cores=8)
"""A cluster that its scheduler limits: more of anything else gives nothing."""
LOADS = {
    "no-op, stored before": NOOP,
    "HTTP call, answered at once": HTTP,
    "HTTP call, answered after 100 ms": replace(HTTP, action_ms=100.0),
    "occurrence of a recurring job": RECURRING,
}
INTAKES = {"job taken in by `POST /v1/jobs`": POST, "job taken in by `POST /v1/jobs/batch`": BATCH}

_WHY = {
    "scheduler": ("It is one thread, and there is one scheduler", "Another cluster"),
    "workers": ("Each is one thread", "`worker.count`, on more nodes"),
    "slots": ("They are taken from the hint to the end of the action", "`worker.slots`, `worker.count`"),
    "claims": ("A worker has one claim on its way at a time", "`worker.slots`, `worker.count`"),
    "reports": ("A worker stores one group of outcomes at a time", "`worker.count`"),
    "mongod": ("Its cores", "A larger machine for it; then another cluster"),
    "journal": ("Its disk writes 400 MB a second", "A faster disk; then another cluster"),
    "network": ("Its node has 10 Gbit/s", "Another cluster"),
    "machine": ("All parts share its cores", "A machine of its own for MongoDB (`store.url`)"),
}


def growth_rows() -> Iterator[Sequence[str]]:
    """Machines that carry everything, then each rate with MongoDB apart and as many clusters as it takes."""
    for cores in _CORES:
        deployment = Deployment(cores, mongod_cores=cores, apart=False)
        rate, _ = deployment.rate(NOOP)
        yield _grown(f"one machine, {cores} cores", 1, deployment, _LOAD * rate)
    for rate in _RATES:
        clusters, deployment = needed(rate, NOOP)
        yield _grown(f"{rate:,}", clusters, deployment, rate / clusters)


def _grown(name: str, clusters: int, deployment: Deployment, load: float) -> Sequence[str]:
    """Clusters know nothing of each other, so one is simulated for all."""
    rate, first = deployment.rate(NOOP)
    drained = Simulation(deployment, NOOP).drain(_DRAINED).rate
    loaded = Simulation(deployment, NOOP).at(load, _SECONDS)
    return (
        name,
        f"{clusters:,}",
        f"{deployment.workers} × {deployment.slots}",
        f"{clusters * deployment.nodes:,}",
        f"{clusters * deployment.cores:,}",
        rounded(clusters * rate),
        rounded(clusters * drained),
        f"{loaded.start_ms(50):.0f} / {loaded.start_ms(99):.0f}",
        f"{loaded.end_ms(50):.0f} / {loaded.end_ms(99):.0f}",
        first,
        "yes" if clusters == 1 else f"{clusters} clusters: yes; one: **not built**",
    )


def limit_rows() -> Iterator[Sequence[str]]:
    """At which rate each part breaks, and what helps."""
    small, large = TWO_CORES.limits(NOOP), LARGE.limits(NOOP)
    for part in sorted(_WHY, key=lambda part: small[part]):
        apart = rounded(large[part]) if part in large else "–"
        yield (part, rounded(small[part]), apart, *_WHY[part])


def load_rows() -> Iterator[Sequence[str]]:
    """What one cluster does of each load, and how many it takes."""
    for name, costs in LOADS.items():
        cells = (cell for each in (TWO_CORES, LARGE) for cell in _done(each, costs))
        yield (name, *cells, *(f"{needed(rate, costs)[0]:,}" for rate in (20_000, 1_000_000)))
    for name, intake in INTAKES.items():
        cells = (cell for each in (TWO_CORES, LARGE) for cell in _taken_in(each, intake))
        yield (name, *cells, *(f"{servers(rate, intake):,}" for rate in (20_000, 1_000_000)))


def _done(deployment: Deployment, costs: Costs) -> Sequence[str]:
    rate, first = deployment.rate(costs)
    return (f"{rounded(rate)} / {rounded(Simulation(deployment, costs).drain(_DRAINED).rate)}", first)


def _taken_in(deployment: Deployment, intake: Intake) -> Sequence[str]:
    rate, first = deployment.intake(intake)
    return (f"{rounded(rate)} / {rounded(SimulatedServer(deployment, intake).rate())}", first)
