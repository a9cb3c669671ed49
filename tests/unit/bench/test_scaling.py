"""The formula of docs/scaling.md and the simulation agree where a part is at its end, and only there."""

from dataclasses import replace

import pytest

from bench.scaling.costs import Costs, Intake
from bench.scaling.deployment import PARTITIONS, Deployment, Routing
from bench.scaling.intake import SimulatedServer
from bench.scaling.limits import grown, intake, limits, rate
from bench.scaling.played import settled
from bench.scaling.simulation import Simulation

TASKS = 20_000
BAND = 0.15
NOOP = Costs()
"""Not those of today's docs/benchmarks/figures.json: with other costs other parts break first."""
HTTP = replace(NOOP, worker=292.0, claim=76.0, outcome=89.0, beside=33.0)
RECURRING = replace(NOOP, end=0.0, chain=120.0, chain_write=134.0)
POST = Intake(450.0, 58.0, 1_500.0, 1, 64, beside=100.0)
BATCH = Intake(83.0, 58.0, 1_500.0, 1_000, 2, beside=1.0)
SMALL = Deployment(apart=False)
LARGE = Deployment(6, 500, 8)
SIXTEEN = Deployment(1, 500, 16, members=3)
CELLS = Deployment(24, 500, 8, schedulers=8, shards=4)
BY_ID = replace(CELLS, routing=Routing.BY_ID)
AT_THE_END = {
    "one machine, two cores": (SMALL, NOOP, "machine"),
    "one machine, sixteen cores": (Deployment(16, mongod_cores=16, apart=False), NOOP, "scheduler"),
    "HTTP calls": (SMALL, HTTP, "machine"),
    "recurring jobs": (SMALL, RECURRING, "scheduler"),
    "too few slots": (SMALL, replace(HTTP, action_ms=100), "slots"),
    "too slow workers": (
        Deployment(1, 500, 16),
        replace(NOOP, claim=5, outcome=9, end=9, worker=150, scheduler=5),
        "workers",
    ),
    "too slow to claim": (Deployment(1, 500, 16), replace(NOOP, claim=400), "claims"),
    "too slow to store what ended": (Deployment(2, 500, 16), replace(NOOP, outcome=300), "reports"),
    "too small a database": (Deployment(12, 500, 2), NOOP, "mongod"),
    "too slow a disk": (LARGE, replace(NOOP, journal_bytes=50_000), "journal"),
    "too slow a network": (LARGE, replace(NOOP, network_bytes=150_000), "network"),
    "a large cluster": (LARGE, NOOP, "scheduler"),
    "a replica set": (replace(LARGE, members=3), NOOP, "scheduler"),
    "two schedulers": (replace(LARGE, schedulers=2, workers=14), NOOP, "mongod"),
    "shards with their own workers": (replace(CELLS, workers=48), NOOP, "mongod"),
    "shards that all get all commands": (replace(BY_ID, mongod_cores=4, workers=48), NOOP, "mongod"),
}


@pytest.mark.parametrize("cluster, costs, first", AT_THE_END.values(), ids=AT_THE_END)
def test_they_agree_on_a_part_that_is_at_its_end(cluster: Deployment, costs: Costs, first: str) -> None:
    allowed, part = rate(cluster, costs)
    assert part == first
    tasks = 3 * TASKS * cluster.schedulers if cluster.apart else TASKS
    done = Simulation(cluster, costs).drain(tasks)
    assert (done.settled_rate if cluster.apart else done.rate) == pytest.approx(allowed, rel=BAND)
    assert done.tasks == tasks


@pytest.mark.parametrize("jobs", [POST, BATCH], ids=["POST", "batch"])
@pytest.mark.parametrize("cluster", [SMALL, LARGE], ids=["small", "large"])
def test_they_agree_on_what_a_server_takes_in(jobs: Intake, cluster: Deployment) -> None:
    allowed, _ = intake(cluster, jobs)
    assert SimulatedServer(cluster, jobs).rate() == pytest.approx(allowed, rel=BAND)


def test_a_server_has_one_transaction_on_its_way() -> None:
    slow = replace(BATCH, mongod=250.0)
    allowed, part = intake(LARGE, slow)
    assert part == "transactions"
    assert SimulatedServer(LARGE, slow).rate() == pytest.approx(allowed, rel=BAND)


def test_they_part_where_waiting_is_not_of_the_part_that_breaks_first() -> None:
    """The formula names the cores of the machine; the workers meanwhile wait for the journal as well."""
    stalling = replace(NOOP, flush_ms=4.0)
    allowed, part = rate(SMALL, stalling)
    assert part == "machine"
    assert Simulation(SMALL, stalling).drain(TASKS).rate < (1 - BAND) * allowed


def test_batches_grow_with_the_load() -> None:
    together = [Simulation(LARGE, NOOP).at(each, 1.0).together for each in (100, 1_000, 10_000)]
    assert together == sorted(together)
    assert together[0] < 2 < 15 < together[-1]


def test_the_latency_follows_the_journal_and_the_network() -> None:
    usual = Simulation(LARGE, NOOP).at(1_000, 1.0).start_ms(50)
    slow_disk = Simulation(LARGE, replace(NOOP, flush_ms=11.2)).at(1_000, 1.0).start_ms(50)
    far_away = Simulation(LARGE, replace(NOOP, round_trip_ms=10.3)).at(1_000, 1.0).start_ms(50)
    assert slow_disk > usual + 8
    assert far_away > usual + 10


def test_a_write_waits_for_a_copy() -> None:
    far_away = replace(NOOP, round_trip_ms=10.3, flush_spread=0.0)
    alone, copied = (
        Simulation(replace(LARGE, members=members), far_away).at(100, 1.0).start_ms(50) for members in (1, 3)
    )
    assert copied == pytest.approx(alone + 10.3, abs=2)


def test_shards_with_their_own_workers_add_up_and_commands_to_all_do_not() -> None:
    one = settled(Deployment(12, 500, 4, schedulers=2), NOOP)
    own, all_of_them = (
        settled(Deployment(96, 500, 4, schedulers=16, shards=8, routing=routing), NOOP)
        for routing in (Routing.CELLS, Routing.BY_ID)
    )
    assert own == pytest.approx(8 * one, rel=BAND)
    assert all_of_them < 0.85 * own


def test_each_shard_that_is_asked_gets_a_command() -> None:
    """Two schedulers of two shards tell one worker of a task each, and both tasks are claimed together."""
    two = Deployment(1, 100, 8, schedulers=2, shards=2, routing=Routing.SPREAD)
    assert Simulation(two, NOOP).drain(2).updates == 2 * 3
    assert Simulation(replace(two, workers=2, routing=Routing.CELLS), NOOP).drain(2).updates == 2 * 3
    assert Simulation(replace(two, workers=2, routing=Routing.BY_ID), NOOP).drain(2).updates == 2 * 3 * 2


def test_a_list_waits_for_the_slowest_shard() -> None:
    one, many = (
        Simulation(Deployment(shards, 500, 1, schedulers=shards, shards=shards), NOOP).at(
            1_000 * shards, 1.0, lists=20.0
        )
        for shards in (1, 8)
    )
    assert len(one.lists) == len(many.lists) == 20
    assert many.list_ms(50) > one.list_ms(50) + 0.5


def test_a_transaction_over_shards_waits_for_three_flushes() -> None:
    """And groups that fall apart by shard cost the shards more than those that do not."""
    quiet = replace(POST, clients=4, server=10.0)
    one, apart, over_all = (
        SimulatedServer(replace(LARGE, shards=shards, routing=routing), quiet)
        for shards, routing in ((1, Routing.CELLS), (4, Routing.CELLS), (4, Routing.BY_ID))
    )
    for server in (one, apart, over_all):
        server.rate()
    assert over_all.wait_ms(50) > apart.wait_ms(50) + 1
    assert apart.mongod > 1.5 * one.mongod


@pytest.mark.parametrize("wanted", [1_000, 20_000, 1_000_000])
def test_what_is_needed_suffices_and_no_part_is_superfluous(wanted: float) -> None:
    cluster = grown(wanted, NOOP, SIXTEEN)
    assert min(limits(cluster, NOOP).values()) >= 1.25 * wanted
    a_shard, a_scheduler = cluster.schedulers // cluster.shards, cluster.workers // cluster.schedulers
    smaller = (
        (1.25, replace(cluster, shards=cluster.shards // 2)),
        (1.25, replace(cluster, schedulers=cluster.shards * (a_shard - 1))),
        (1.5, replace(cluster, workers=cluster.schedulers * (a_scheduler - 1))),
    )
    for hand, each in smaller:
        least = min(each.shards, each.schedulers, each.workers)
        assert least == 0 or rate(each, NOOP)[0] < hand * wanted


def test_a_million_a_second_are_played_as_one_cluster() -> None:
    cluster = grown(1_000_000, NOOP, SIXTEEN)
    assert cluster.shards > 8
    assert settled(cluster, NOOP) > 1_000_000


def test_more_schedulers_than_partitions_are_refused() -> None:
    with pytest.raises(ValueError, match="more than there are partitions"):
        grown(1_000_000, RECURRING, SIXTEEN)


@pytest.mark.parametrize("schedulers", [1, 3, 48, PARTITIONS])
def test_every_partition_has_one_scheduler_and_every_scheduler_one_shard(schedulers: int) -> None:
    cluster = Deployment(schedulers=schedulers, shards=1 if schedulers < 48 else 16)
    assert sum(cluster.owned(each) for each in range(schedulers)) == PARTITIONS
    found = [cluster.shard_of(each) for each in range(schedulers)]
    assert found == sorted(found)
    assert set(found) == set(range(cluster.shards))
