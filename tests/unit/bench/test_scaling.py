"""The formula of docs/scaling.md and the simulation agree where a part is at its end, and only there."""

from dataclasses import replace

import pytest

from bench.scaling.costs import BATCH, HTTP, NOOP, POST, RECURRING, Costs, Intake
from bench.scaling.deployment import Deployment, needed
from bench.scaling.intake import SimulatedServer
from bench.scaling.measured import compared
from bench.scaling.pages import renewed
from bench.scaling.rows import LARGE
from bench.scaling.simulation import Simulation
from bench.scaling.stations import Clock, Journal, Network, Station, work

TASKS = 20_000
BAND = 0.15
SMALL = Deployment(apart=False)
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
}


@pytest.mark.parametrize("deployment, costs, first", AT_THE_END.values(), ids=AT_THE_END)
def test_they_agree_on_a_part_that_is_at_its_end(deployment: Deployment, costs: Costs, first: str) -> None:
    rate, part = deployment.rate(costs)
    assert part == first
    assert Simulation(deployment, costs).drain(TASKS).rate == pytest.approx(rate, rel=BAND)


@pytest.mark.parametrize("intake", [POST, BATCH], ids=["POST", "batch"])
@pytest.mark.parametrize("deployment", [SMALL, LARGE], ids=["small", "large"])
def test_they_agree_on_what_a_server_takes_in(intake: Intake, deployment: Deployment) -> None:
    rate, _ = deployment.intake(intake)
    assert SimulatedServer(deployment, intake).rate() == pytest.approx(rate, rel=BAND)


def test_a_server_has_one_transaction_on_its_way() -> None:
    slow = replace(BATCH, mongod=250.0)
    rate, part = LARGE.intake(slow)
    assert part == "transactions"
    assert SimulatedServer(LARGE, slow).rate() == pytest.approx(rate, rel=BAND)


def test_they_part_where_waiting_is_not_of_the_part_that_breaks_first() -> None:
    """The formula names the cores of the machine; the workers meanwhile wait for the journal as well."""
    stalling = replace(NOOP, flush_ms=4.0)
    rate, part = SMALL.rate(stalling)
    assert part == "machine"
    assert Simulation(SMALL, stalling).drain(TASKS).rate < (1 - BAND) * rate


def test_batches_grow_with_the_load() -> None:
    together = [Simulation(LARGE, NOOP).at(rate, 1.0).together for rate in (100, 1_000, 10_000)]
    assert together == sorted(together)
    assert together[0] < 2 < 15 < together[-1]


def test_the_latency_follows_the_journal_and_the_network() -> None:
    usual = Simulation(LARGE, NOOP).at(1_000, 1.0).start_ms(50)
    slow_disk = Simulation(LARGE, replace(NOOP, flush_ms=11.2)).at(1_000, 1.0).start_ms(50)
    far_away = Simulation(LARGE, replace(NOOP, round_trip_ms=10.3)).at(1_000, 1.0).start_ms(50)
    assert slow_disk > usual + 8
    assert far_away > usual + 10


@pytest.mark.parametrize("rate", [1_000, 20_000, 1_000_000])
def test_what_is_needed_suffices_and_no_part_is_superfluous(rate: float) -> None:
    clusters, deployment = needed(rate, NOOP)
    assert clusters * deployment.rate(NOOP)[0] >= 1.25 * rate
    assert clusters == 1 or (clusters - 1) * LARGE.rate(NOOP)[0] < 1.25 * rate
    fewer = replace(deployment, workers=deployment.workers - 1)
    assert fewer.workers == 0 or clusters * fewer.rate(NOOP)[0] < 1.25 * rate


def test_who_writes_during_a_flush_shares_the_next() -> None:
    clock = Clock()
    durable: list[float] = []
    journal = Journal(clock, 10.0, 0.0, 1e12, seed=1)
    for at in (0.0, 1.0, 5.0):
        clock.after(at, lambda: journal.flush(0, lambda: durable.append(clock.now)))
    clock.run()
    assert durable == [10.0, 20.0, 20.0]
    assert journal.flushes == 2


def test_a_thread_and_a_core_are_both_waited_for() -> None:
    clock = Clock()
    ended: list[float] = []
    core, threads = Station(clock, 1), [Station(clock, 1), Station(clock, 1)]
    for thread in threads:
        work(clock, [thread, core], 10.0, lambda: ended.append(clock.now))
    clock.run()
    assert ended == [10.0, 20.0]


def test_bytes_go_one_after_the_other_and_each_way_takes_a_while() -> None:
    clock = Clock()
    there: list[float] = []
    network = Network(clock, 100.0, 1e6)
    for _ in range(2):
        network.send(10, lambda: there.append(clock.now))
    clock.run()
    assert there == [110.0, 120.0]


def test_the_model_is_as_far_off_as_the_page_says() -> None:
    """With room for other figures of another day; the page names each error."""
    off = [(each.what, each.error) for each in compared() if not -40 < each.error < 40]
    assert [what for what, _ in off] in ([], ["POST /v1/jobs/batch, 2 cores"]), off


def test_the_pages_have_the_tables_of_today() -> None:
    stale = [page.name for page, text in renewed().items() if page.read_text() != text]
    assert stale == [], "run: python -m bench.scaling"
