"""The formula of docs/scaling.md and the simulation know nothing of each other, and agree."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.scaling.__main__ import with_table
from bench.scaling.costs import Costs
from bench.scaling.deployment import Deployment, needed
from bench.scaling.simulation import Drain

COSTS = Costs()
DEPLOYMENTS = {
    "one machine, two cores": Deployment(apart=False),
    "one machine, sixteen cores": Deployment(workers=16, shard_cores=16, apart=False),
    "too few workers": Deployment(workers=1, slots=1_000, shard_cores=16),
    "too few slots": Deployment(workers=2, slots=50, shard_cores=16),
    "too small a database": Deployment(schedulers=4, workers=8, slots=1_000, shards=2, shard_cores=2),
    "for 50,000 a second": needed(50_000, COSTS),
    "for 250,000 a second": needed(250_000, COSTS),
}


@pytest.mark.parametrize("deployment", DEPLOYMENTS.values(), ids=DEPLOYMENTS)
def test_the_simulation_does_what_the_formula_says(deployment: Deployment) -> None:
    rate, _ = deployment.rate(COSTS)
    assert Drain(deployment, COSTS, int(rate * 0.3)).rate() == pytest.approx(rate, rel=0.08)


@pytest.mark.parametrize(
    "name, first",
    [
        ("one machine, two cores", "machine"),
        ("one machine, sixteen cores", "scheduler"),
        ("too few workers", "workers"),
        ("too few slots", "slots"),
        ("too small a database", "mongod"),
    ],
)
def test_the_part_that_breaks_first_is_named(name: str, first: str) -> None:
    assert DEPLOYMENTS[name].rate(COSTS)[1] == first


@pytest.mark.parametrize("rate", [1_000, 20_000, 1_000_000])
def test_what_is_needed_suffices_and_no_part_is_superfluous(rate: float) -> None:
    deployment = needed(rate, COSTS)
    assert deployment.rate(COSTS)[0] >= 1.25 * rate
    for part in ("schedulers", "workers", "shards"):
        fewer = replace(deployment, **{part: getattr(deployment, part) - 1})
        assert getattr(fewer, part) == 0 or fewer.rate(COSTS)[0] < 1.25 * rate


def test_the_page_has_the_table_of_today() -> None:
    page = Path("docs/scaling.md").read_text()
    assert with_table(page) == page, "run: python -m bench.scaling --markdown docs/scaling.md"
