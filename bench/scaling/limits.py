"""By a formula: the rate at which each part of a cluster can do no more, and what cluster a rate takes."""

from collections.abc import Mapping
from dataclasses import replace

from bench.scaling.costs import Costs, Intake
from bench.scaling.deployment import (
    JOURNAL_BYTES_A_SECOND,
    NETWORK_BYTES_A_SECOND,
    PARTITIONS,
    Deployment,
)

_SECOND = 1e6
_MOST_TOGETHER = 500
_OF_A_SHARD = ("mongod", "journal", "network")
FLUSHES_WAITED_FOR = 1.5
"""Who comes while the journal is being flushed waits for the rest of it, and for the next."""


def limits(cluster: Deployment, costs: Costs) -> Mapping[str, float]:
    """Tasks a second at which each part can do no more. A scheduler and a worker are one thread each, as long
    as Python has its lock. A worker announces half of its slots at a time, and an update waits until half of
    such a lot has run before its thread turns to it."""
    lot, group = cluster.slots / 2, min(cluster.slots, _MOST_TOGETHER)
    behind = lot * costs.worker / 2
    claims = behind + _update(cluster, costs, lot, costs.claim)
    reports = behind + _update(cluster, costs, group, costs.outcome)
    turn = (
        claims
        + 1_000 * costs.action_ms
        + lot * (costs.scheduler + costs.chain + costs.chain_write + costs.worker)
    )
    if costs.end:
        reports += behind + _update(cluster, costs, group, costs.end)
    one = 1 / _fullest(cluster.schedulers)
    shard = 1 / _fullest(cluster.shards)
    mongod = shard * cluster.mongod_cores * _SECOND / costs.mongod(group, cluster.asked)
    copied = costs.network_bytes + (cluster.members - 1) * costs.journal_bytes
    found = {
        "scheduler": one * _SECOND / (costs.scheduler + costs.chain + costs.chain_write),
        "workers": cluster.workers * _SECOND / costs.workers(group / cluster.commands),
        "slots": cluster.workers * _SECOND * cluster.slots / turn,
        "claims": cluster.workers * _SECOND * lot / claims,
        "reports": cluster.workers * _SECOND * group / reports,
        "mongod": mongod,
        "journal": shard * JOURNAL_BYTES_A_SECOND / costs.journal_bytes,
        "network": shard * NETWORK_BYTES_A_SECOND / copied,
    }
    if not cluster.apart:
        found["machine"] = cluster.mongod_cores * _SECOND / costs.total(group)
    return found


def _update(cluster: Deployment, costs: Costs, count: float, each: float) -> float:
    """One durable update of so many tasks by a worker: work, and what it waits for."""
    ways = costs.round_trip_ms * (1 + (cluster.members > 1)) + costs.router_ms * (cluster.shards > 1)
    waits = 1_000 * (ways + FLUSHES_WAITED_FOR * costs.slowest_flush_ms(cluster.asked))
    return cluster.commands * costs.client + costs.command + waits + count * each / cluster.asked


def _fullest(parts: int) -> float:
    """The share of all tasks of the one that has most partitions."""
    return -(-PARTITIONS // parts) / PARTITIONS


def rate(cluster: Deployment, costs: Costs) -> tuple[float, str]:
    """The most tasks a second, and the part that allows no more."""
    return least(limits(cluster, costs))


def intake(cluster: Deployment, jobs: Intake) -> tuple[float, str]:
    """The most jobs a second that a server takes in, and the part that allows no more."""
    group = max(jobs.together, jobs.clients / 2)
    mongod = jobs.mongod + jobs.transaction / group
    cores = {"machine": cluster.mongod_cores * _SECOND / (jobs.server + mongod + jobs.beside)}
    parts = {"server": _SECOND / jobs.server, "transactions": _SECOND / mongod}
    return least({**parts, **({} if cluster.apart else cores)})


def least(found: Mapping[str, float]) -> tuple[float, str]:
    """What breaks first: its rate and its name."""
    part = min(found, key=lambda name: found[name])
    return found[part], part


def grown(wanted: float, costs: Costs, one: Deployment) -> Deployment:
    """From a cluster of one shard and one scheduler on: whatever breaks first is mended, until every part
    could do so many tasks a second and a quarter more, those of the workers half more. Each shard has as many
    schedulers, each of them as many workers."""
    cluster = one
    while True:
        found = {part: _spare(part, most) for part, most in limits(cluster, costs).items()}
        allowed, part = least(found)
        if allowed >= wanted:
            return cluster
        cluster = _mended(cluster, part)


def _spare(part: str, most: float) -> float:
    return most / (1.25 if part in ("scheduler", *_OF_A_SHARD) else 1.5)


def _mended(cluster: Deployment, part: str) -> Deployment:
    """Twice as many shards, or one scheduler more on each, or one worker more for each scheduler. What is
    added begins anew with one of what belongs to it."""
    shards, schedulers = cluster.shards, cluster.schedulers // cluster.shards
    workers = cluster.workers // cluster.schedulers
    if part in _OF_A_SHARD:
        shards, schedulers, workers = 2 * shards, 1, 1
    elif part == "scheduler":
        schedulers, workers = schedulers + 1, 1
    else:
        workers += 1
    whole = shards * schedulers
    if whole > PARTITIONS:
        raise ValueError(f"{whole} schedulers are more than there are partitions")
    return replace(cluster, shards=shards, schedulers=whole, workers=whole * workers)


def servers(wanted: float, jobs: Intake) -> int:
    """How many it takes to take in so many jobs a second and a quarter more."""
    return max(1, -int(-wanted * 1.25 // intake(Deployment(), jobs)[0]))
