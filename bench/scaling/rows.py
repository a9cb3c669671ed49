"""The other rows of the tables that the model makes."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from bench.scaling.costs import BATCH, HTTP, NOOP, OTHERS, POST, RECURRING, Costs, Intake
from bench.scaling.deployment import (
    JOURNAL_BYTES_A_SECOND,
    NETWORK_BYTES_A_SECOND,
    PARTITIONS,
    Deployment,
    Routing,
)
from bench.scaling.intake import SimulatedServer
from bench.scaling.limits import grown, intake, limits, rate, servers
from bench.scaling.played import rounded, settled
from bench.scaling.steps import LARGE, MILLION, ONE_SHARD, TWO_CORES

LOADS = {
    "no-op, stored before": NOOP,
    "HTTP call, answered at once": HTTP,
    "HTTP call, answered after 100 ms": replace(HTTP, action_ms=100.0),
    "occurrence of a recurring job": RECURRING,
}
INTAKES = {"job taken in by `POST /v1/jobs`": POST, "job taken in by `POST /v1/jobs/batch`": BATCH}
_SHARDS = (1, 4, 8)
_WHY = {
    "scheduler": ("It is one thread, and a cluster has one", "Several, by partition: **not built**"),
    "workers": ("Each is one thread", "`worker.count`, on more nodes"),
    "slots": ("They are taken from the hint to the end of the action", "`worker.slots`, `worker.count`"),
    "claims": ("A worker has one claim on its way at a time", "`worker.slots`, `worker.count`"),
    "reports": ("A worker stores one group of outcomes at a time", "`worker.count`"),
    "mongod": ("Its cores", "A larger machine for it; then shards: **not built**"),
    "journal": ("Its disk", "A faster disk; then shards"),
    "network": ("Its node's, with what its copies read", "Shards"),
    "machine": ("All parts share its cores", "A machine of its own for MongoDB (`store.url`)"),
}


def cost_rows() -> Iterator[Sequence[str]]:
    """What the model goes by."""
    together = NOOP.mongod(500)
    yield from (
        ("mongod, a no-op task", f"{together:.0f} us at 500 in a command", "recorded, divided"),
        ("mongod, a command whatever it carries", f"{NOOP.command:.0f} us", "recorded, divided"),
        ("a worker, a task; a command", f"{NOOP.worker:.0f}; {NOOP.client:.0f} us", "recorded, divided"),
        ("the scheduler, a task", f"{NOOP.scheduler:.0f} us", "recorded"),
        ("the rest of a machine with two cores, a task", f"{OTHERS:.0f} us", "recorded"),
        (
            "an occurrence besides: scheduler; mongod",
            f"{RECURRING.chain:.0f}; {RECURRING.chain_write:.0f} us",
            "another hour, in parts of a no-op's",
        ),
        ("an HTTP call, a worker's part", f"{HTTP.worker:.0f} us", "another hour, in parts of a no-op's"),
        ("the server, a job: alone; of a batch", f"{POST.server:.0f}; {BATCH.server:.0f} us", "fitted"),
        ("mongod, a job taken in; a transaction", f"{POST.mongod:.0f}; {POST.transaction:,.0f} us", "fitted"),
        (
            "a flush of the journal: median; mean",
            f"{NOOP.flush_ms:.2f}; {NOOP.mean_flush_ms:.2f} ms",
            "mean recorded",
        ),
        (
            "journal; network, a task",
            f"{NOOP.journal_bytes:,.0f}; {NOOP.network_bytes:,.0f} bytes",
            "recorded",
        ),
        ("a command's way there and back", f"{NOOP.round_trip_ms} ms", "**assumed**"),
        ("more through a router, with shards", f"{NOOP.router_ms} ms", "**assumed**"),
        ("a copy's work for a write", "half of the primary's", "**assumed**"),
        ("mongod, a page of a list, on each shard", f"{NOOP.listed / 1_000:g} ms", "measured, see Pages"),
        (
            "a disk; a node's network",
            f"{JOURNAL_BYTES_A_SECOND / 1e6:.0f}; {NETWORK_BYTES_A_SECOND / 1e6:,.0f} MB a second",
            "**assumed**",
        ),
    )


def limit_rows() -> Iterator[Sequence[str]]:
    """At which rate each part breaks, and what helps."""
    small, large = limits(TWO_CORES, NOOP), limits(LARGE, NOOP)
    million = limits(grown(MILLION, NOOP, ONE_SHARD), NOOP)
    for part in sorted(_WHY, key=lambda part: small[part]):
        of_all = (rounded(found[part]) if part in found else "–" for found in (small, large, million))
        yield (part, *of_all, *_WHY[part])


def routing_rows() -> Iterator[Sequence[str]]:
    """The same shards, schedulers and workers, by which shards a command goes to."""
    for routing in Routing:
        rates = []
        for shards in _SHARDS:
            cluster = Deployment(
                6 * shards, 500, 4, schedulers=shards, shards=shards, members=3, routing=routing
            )
            rates.append(f"{rounded(rate(cluster, NOOP)[0])} / {rounded(settled(cluster, NOOP, 25_000))}")
        yield (routing.value, *rates)


def transaction_rows() -> Iterator[Sequence[str]]:
    """One server's `POST /v1/jobs`, by which shards the jobs of a group are on."""
    ways = {
        "the server makes ids of one shard": (1, Routing.CELLS),
        "a transaction for each shard": (8, Routing.CELLS),
        "one transaction over all shards": (8, Routing.BY_ID),
    }
    for name, (shards, routing) in ways.items():
        cluster = replace(LARGE, shards=shards, routing=routing)
        server = SimulatedServer(cluster, POST)
        done = rounded(server.rate())
        yield (name, done, f"{server.wait_ms(50):.0f} / {server.wait_ms(99):.0f}", f"{server.mongod:,.0f}")


def load_rows() -> Iterator[Sequence[str]]:
    """What a cluster does of each load, and what a million take."""
    for name, costs in LOADS.items():
        cells = (cell for each in (TWO_CORES, LARGE) for cell in _done(each, costs))
        yield (name, *cells, _million(costs))
    for name, jobs in INTAKES.items():
        cells = (cell for each in (TWO_CORES, replace(LARGE, members=1)) for cell in _taken_in(each, jobs))
        yield (name, *cells, f"{servers(MILLION, jobs):,} servers")


def _million(costs: Costs) -> str:
    one = ONE_SHARD
    try:
        cluster = grown(MILLION, costs, one)
    except ValueError:
        most = limits(replace(one, schedulers=PARTITIONS), costs)["scheduler"]
        return f"not reached: {PARTITIONS} schedulers do {rounded(most)}"
    shards = cluster.shards
    parts = f"{shards} shards, {cluster.schedulers} schedulers, {cluster.workers:,} workers"
    cell = replace(
        cluster, shards=1, schedulers=cluster.schedulers // shards, workers=cluster.workers // shards
    )
    done = rounded(shards * settled(cell, costs))
    return f"{parts}, {cluster.nodes:,} nodes: {rounded(rate(cluster, costs)[0])} / {done}"


def _done(cluster: Deployment, costs: Costs) -> Sequence[str]:
    allowed, part = rate(cluster, costs)
    return (f"{rounded(allowed)} / {rounded(settled(cluster, costs))}", part)


def _taken_in(cluster: Deployment, jobs: Intake) -> Sequence[str]:
    allowed, part = intake(cluster, jobs)
    return (f"{rounded(allowed)} / {rounded(SimulatedServer(cluster, jobs).rate())}", part)
