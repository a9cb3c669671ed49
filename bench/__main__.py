"""Runs the benchmarks, prints a table and writes the figures as JSON. Exits 1 when a goal is missed."""

import argparse
import json
import platform
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from bench.measures import MEASURES, Figure
from bench.rig import running_cluster


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("only", nargs="*", choices=[[], *MEASURES], help="which measures (default: all)")
    parser.add_argument("--workers", type=int, default=2, help="size of the pool (default 2)")
    parser.add_argument(
        "--json", type=Path, default=Path("bench/out/figures.json"), help="where the JSON goes"
    )
    arguments = parser.parse_args()
    console = Console()
    figures: list[Figure] = []
    with console.status("starting a cluster") as status, running_cluster(arguments.workers) as rig:
        for name in arguments.only or MEASURES:
            status.update(f"measuring {name}")
            figures += MEASURES[name](rig)
    console.print(_table(figures))
    _write(arguments.json, arguments.workers, figures)
    return 0 if all(figure.met for figure in figures) else 1


def _table(figures: list[Figure]) -> Table:
    table = Table("measured", "value", "unit", "goal", "met", title=f"Karya on {psutil.cpu_count()} cores")
    for figure in figures:
        sign = "≥" if figure.at_least else "≤"
        met = "yes" if figure.met else "[bold red]no"
        table.add_row(figure.name, f"{figure.value:,.1f}", figure.unit, f"{sign} {figure.goal:,g}", met)
    return table


def _write(path: Path, workers: int, figures: list[Figure]) -> None:
    document = {
        "measured_at": datetime.now(UTC).isoformat(),
        "machine": {"cores": psutil.cpu_count(), "python": platform.python_version()},
        "workers": workers,
        "figures": [{**asdict(figure), "met": figure.met} for figure in figures],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
