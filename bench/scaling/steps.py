"""One cluster, step by step up to a million tasks a second: each step mends what broke first before it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bench.scaling.costs import NOOP, Costs
from bench.scaling.deployment import Deployment
from bench.scaling.limits import grown, rate
from bench.scaling.played import loaded, rounded, settled

MILLION = 1_000_000
_LOAD = 0.8
"""Of what it can do, where latencies are looked at: a quarter in hand."""
_SECONDS, _SECONDS_OF_MANY = 2.0, 0.2
_MANY = 8
"""Schedulers, from which on less time is enough."""
_LISTS = 50.0
"""Pages of a list a second: few enough to be no load of their own."""
ONE_SHARD = Deployment(1, 500, 16, members=3)
"""What a large cluster is made of, shard by shard."""

TWO_CORES = Deployment(apart=False)
LARGE = Deployment(6, 500, 8, members=3)
"""The largest of what is built: more of anything else than its scheduler gives nothing."""


@dataclass(frozen=True, slots=True)
class Step:
    """What is changed, what comes of it, and what is done next."""

    change: str
    cluster: Deployment
    then: str
    """What mends what breaks first in it."""
    built: bool = True
    costs: Costs = NOOP
    clusters: int = 1


def _steps() -> Iterator[Step]:
    yield Step("Karya's defaults on one machine with 2 cores", TWO_CORES, "more cores")
    yield Step("8 cores", Deployment(2, 100, 8, apart=False), "more workers: `worker.count`")
    yield Step("8 workers", Deployment(8, 100, 8, apart=False), "MongoDB on a node of its own: `store.url`")
    yield Step(
        "MongoDB on a node of 8 cores, 6 workers with 500 slots",
        replace(LARGE, members=1),
        "several schedulers. Before that, so that a node may die: copies of MongoDB",
    )
    yield Step("a replica set of three", LARGE, "several schedulers, each with some of the partitions")
    yield Step(
        "a disk that flushes in a fifth of the time",
        LARGE,
        "several schedulers: the disk gives latency, see below, and no rate",
        costs=replace(NOOP, flush_ms=NOOP.flush_ms / 5),
    )
    two = replace(LARGE, schedulers=2, workers=14)
    yield Step(
        "the usual disk, 2 schedulers, each with half of the partitions, and 14 workers",
        two,
        "more cores for MongoDB",
        built=False,
    )
    one = grown(60_000, NOOP, ONE_SHARD)
    yield Step(
        f"{one.mongod_cores} cores for MongoDB", one, "shards: machines do not grow for long", built=False
    )
    for wanted in (100_000, 250_000, 500_000, MILLION):
        cluster = grown(wanted, NOOP, ONE_SHARD)
        then = "more of the same" if wanted < MILLION else "more of the same, up to one scheduler a partition"
        yield Step(f"{cluster.shards} shards", cluster, then, built=False)
    many = -int(-MILLION * 1.25 // rate(LARGE, NOOP)[0])
    yield Step(
        f"instead of all steps behind the replica set: {many} such clusters",
        LARGE,
        "more of them; clients must know which job is where",
        clusters=many,
    )


STEPS = tuple(_steps())


def growth_rows() -> Iterator[Sequence[str]]:
    """What each step does, and what breaks first in it."""
    for number, step in enumerate(STEPS, 1):
        allowed, part = rate(step.cluster, step.costs)
        done = settled(step.cluster, step.costs)
        yield (
            str(number),
            step.change,
            rounded(step.clusters * allowed),
            rounded(step.clusters * done),
            f"{100 * (done / allowed - 1):+.0f} %",
            part,
            step.then,
            "yes" if step.built else "**not built**",
        )


def size_rows() -> Iterator[Sequence[str]]:
    """What each step consists of, and how long its tasks take."""
    for number, step in enumerate(STEPS, 1):
        cluster, many = step.cluster, step.clusters
        seconds = _SECONDS_OF_MANY if cluster.schedulers >= _MANY else _SECONDS
        found = loaded(
            cluster,
            step.costs,
            _LOAD * rate(cluster, step.costs)[0],
            seconds,
            _LISTS if cluster.apart else 5.0,
        )
        yield (
            str(number),
            f"{many * cluster.shards:,} × {cluster.members}",
            f"{many * cluster.schedulers:,}",
            f"{many * cluster.workers:,} × {cluster.slots}",
            f"{many * cluster.nodes:,}",
            f"{many * cluster.cores:,}",
            f"{found.start_ms(50):.0f} / {found.start_ms(99):.0f}",
            f"{found.end_ms(50):.0f} / {found.end_ms(99):.0f}",
            f"{found.list_ms(50):.1f} / {found.list_ms(99):.1f}",
        )
