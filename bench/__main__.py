"""Runs the benchmarks and prints a table. A whole run, or `--record`, puts the figures into the documentation
as table, JSON and plots; of measures that were not run, those of before stay. Exits 1 when a goal is
missed."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rich.console import Console

from bench.figures import Figure
from bench.measured import Measured, commit, measured, merged, read_json, write_json
from bench.measures import BY_NAME_ONLY, MEASURES, sittings
from bench.report import table, write_documentation
from bench.rig import running_cluster

_WHOLE_RUN = [name for name in MEASURES if name not in BY_NAME_ONLY]


def main() -> int:
    """See the module."""
    arguments = _arguments()
    before = read_json(arguments.docs / "benchmarks" / "figures.json")
    console = Console()
    found: dict[str, Measured] = {}
    code = commit()
    with console.status("starting") as status:
        for name, figures in _measure(arguments.only or _WHOLE_RUN, arguments.workers, status.update):
            found[name] = measured(figures, arguments.workers, code)
            write_json(arguments.json, found)  # a run may be broken off
            if arguments.record or not arguments.only:
                write_documentation(arguments.docs, merged(before, found, MEASURES))
            if not console.is_terminal:
                console.print(table(figures))
    every = [figure for each in found.values() for figure in each.figures]
    console.print(table(every))
    return 0 if all(figure.met for figure in every) else 1


def _measure(
    names: Sequence[str], workers: int, tell: Callable[[str], None]
) -> Iterator[tuple[str, Sequence[Figure]]]:
    for together in sittings(names):
        tell("starting a cluster")
        with running_cluster(workers) as rig:
            for name in together:
                tell(f"measuring {name}")
                yield name, MEASURES[name](rig)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("only", nargs="*", choices=[[], *MEASURES], help="which measures (default: all)")
    parser.add_argument("--workers", type=int, default=2, help="size of the pool (default 2)")
    parser.add_argument(
        "--json", type=Path, default=Path("bench/out/figures.json"), help="where the JSON of this run goes"
    )
    parser.add_argument("--record", action="store_true", help="puts also single measures into --docs")
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="the folder of the documentation")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
