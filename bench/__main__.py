"""Runs the benchmarks, prints a table and writes the figures as JSON. Exits 1 when a goal is missed."""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from bench.figures import Figure
from bench.measures import MEASURES
from bench.plots import write_plots
from bench.report import table, write_json, write_markdown
from bench.rig import running_cluster


def main() -> int:
    """See the module."""
    arguments = _arguments()
    console = Console()
    figures: list[Figure] = []
    with console.status("starting a cluster") as status, running_cluster(arguments.workers) as rig:
        for name in arguments.only or MEASURES:
            status.update(f"measuring {name}")
            found = MEASURES[name](rig)
            figures += found
            write_json(arguments.json, arguments.workers, figures)  # a run may be broken off
            if not console.is_terminal:
                console.print(table(found))
    console.print(table(figures))
    if arguments.markdown:
        write_markdown(arguments.markdown, arguments.workers, figures)
        write_plots(arguments.markdown.parent / "benchmarks", figures)
    return 0 if all(figure.met for figure in figures) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("only", nargs="*", choices=[[], *MEASURES], help="which measures (default: all)")
    parser.add_argument("--workers", type=int, default=2, help="size of the pool (default 2)")
    parser.add_argument(
        "--json", type=Path, default=Path("bench/out/figures.json"), help="where the JSON goes"
    )
    parser.add_argument("--markdown", type=Path, help="a page to put the table into, with plots beside it")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
