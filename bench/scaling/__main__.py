"""Prints what each rate needs and what breaks first, by the formula and by the simulation."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.scaling.costs import Costs
from bench.scaling.deployment import Deployment, needed
from bench.scaling.simulation import Drain

COLUMNS = (
    "tasks/s",
    "schedulers",
    "workers",
    "MongoDB",
    "cores in all",
    "formula",
    "simulation",
    "what breaks first",
)
_CORES = (2, 4, 8)
_RATES = (20_000, 50_000, 100_000, 250_000, 1_000_000)
_SECONDS = 0.5
_BEGIN, _END = "<!-- scaling: begin -->", "<!-- scaling: end -->"


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(prog="bench.scaling", description=__doc__)
    parser.add_argument("--markdown", type=Path, help="a page to put the table into")
    page = parser.parse_args().markdown
    if page is not None:
        page.write_text(with_table(page.read_text()))
        return
    table = Table(*COLUMNS)
    for row in rows():
        table.add_row(*row)
    Console().print(table)


def with_table(page: str) -> str:
    """The page with the table of today between its two marks."""
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    lines = [COLUMNS, ["---"] * len(COLUMNS), *rows()]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{before}{_BEGIN}\n{table}\n{_END}{after}"


def rows() -> Iterator[Sequence[str]]:
    """One for each machine that carries everything, and one for each rate with all parts apart."""
    costs = Costs()
    for cores in _CORES:
        yield _row(f"one machine, {cores} cores", Deployment(workers=cores, shard_cores=cores, apart=False))
    for rate in _RATES:
        yield _row(f"{rate:,}", needed(rate, costs))


def _row(name: str, deployment: Deployment) -> Sequence[str]:
    costs = Costs()
    rate, first = deployment.rate(costs)
    simulated = Drain(deployment, costs, int(rate * _SECONDS)).rate()
    shards = f"{deployment.shards} of {deployment.shard_cores} cores"
    parts = (str(deployment.schedulers), str(deployment.workers), shards, f"{_cores(deployment):,}")
    return (name, *parts, f"{rate:,.0f}", f"{simulated:,.0f}", first)


def _cores(deployment: Deployment) -> int:
    of_shards = deployment.shards * deployment.shard_cores
    return of_shards + (deployment.schedulers + deployment.workers if deployment.apart else 0)


if __name__ == "__main__":
    main()
