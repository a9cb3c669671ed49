"""Prints what each rate needs and what breaks first, by the formula and by the simulation."""

from rich.console import Console
from rich.table import Table

from bench.scaling.costs import Costs
from bench.scaling.deployment import Deployment, needed
from bench.scaling.simulation import Drain

_RATES = (20_000, 50_000, 100_000, 250_000, 1_000_000)
_SECONDS = 0.5


def main() -> None:
    """See the module."""
    costs = Costs()
    table = Table(
        "tasks/s wanted", "schedulers", "workers", "shards", "cores in all", "formula", "simulation", "first"
    )
    one_machine = (Deployment(shard_cores=cores, workers=cores, apart=False) for cores in (2, 4, 8))
    for deployment in (*one_machine, *(needed(rate, costs) for rate in _RATES)):
        rate, part = deployment.rate(costs)
        simulated = Drain(deployment, costs, int(rate * _SECONDS)).rate()
        wanted = f"{rate / 1.25:,.0f}" if deployment.apart else f"one machine, {deployment.shard_cores} cores"
        table.add_row(
            wanted,
            str(deployment.schedulers),
            str(deployment.workers),
            f"{deployment.shards} of {deployment.shard_cores} cores",
            f"{_cores(deployment):,}",
            f"{rate:,.0f}",
            f"{simulated:,.0f}",
            part,
        )
    Console().print(table)


def _cores(deployment: Deployment) -> int:
    of_shards = deployment.shards * deployment.shard_cores
    return of_shards + (deployment.schedulers + deployment.workers if deployment.apart else 0)


if __name__ == "__main__":
    main()
