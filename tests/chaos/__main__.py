"""Runs the chaos suite, prints what it finds, and exits 1 when anything is wrong."""

import argparse
import asyncio
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.chaos.faults import FAULTS
from tests.chaos.faults.base import Fault
from tests.chaos.plan import planned
from tests.chaos.report import COLUMNS, rows, worst, write_json, write_markdown
from tests.chaos.soak import RATE
from tests.chaos.stages import STAGES, Stage
from tests.chaos.suite import Outcome, Programme, perform
from tests.chaos.workload.clients import MIXED

console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 150)


def main() -> int:
    """See the module."""
    arguments = _parser().parse_args()
    seeds = range(arguments.seed, arguments.seed + arguments.seeds)
    plans = [(seed, planned(seed, arguments.faults, arguments.soak)) for seed in seeds]
    for seed, stages in plans:
        for stage, faults in stages.items():
            console.print(f"seed {seed}, {stage}: {', '.join(fault.plan for fault in faults)}")
    obstacles = _obstacles({stage for _, stages in plans for stage in stages})
    _tell(obstacles)
    outcomes = [
        _run(arguments, seed, STAGES[stage], faults)
        for seed, stages in plans
        for stage, faults in stages.items()
        if stage not in obstacles
    ]
    if arguments.json:
        write_json(arguments.json, outcomes)
    if arguments.markdown:
        write_markdown(arguments.markdown, outcomes)
    _tell(obstacles)
    return 0 if outcomes and all(outcome.good for outcome in outcomes) else 1


def _obstacles(stages: Iterable[str]) -> Mapping[str, str]:
    """The stages that cannot be set up on this machine, and why."""
    found = {stage: STAGES[stage].obstacle() for stage in stages}
    return {stage: obstacle for stage, obstacle in found.items() if obstacle}


def _tell(obstacles: Mapping[str, str]) -> None:
    for stage, obstacle in obstacles.items():
        console.print(f"[bold yellow]skipped {stage}[/]: {obstacle}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the workload and of the plan of faults")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds in a row")
    parser.add_argument("--faults", type=_names, default=[], metavar="A,B", help=f"of {', '.join(FAULTS)}")
    parser.add_argument("--rate", type=float, help=f"tasks a second, about; {MIXED:g}, or {RATE:g} in a soak")
    parser.add_argument("--minutes", type=float, default=0.0, help="plays the plan again until then")
    parser.add_argument("--soak", type=int, metavar="MINUTES", help="a fault a minute, and memory stays flat")
    parser.add_argument("--json", type=Path, help="where to write everything")
    parser.add_argument("--markdown", type=Path, help="a page to put the table into")
    parser.add_argument("--keep", action="store_true", help="leaves the data directory")
    return parser


def _names(text: str) -> Sequence[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in FAULTS]:
        raise argparse.ArgumentTypeError(f"no fault {', '.join(unknown)}: there are {', '.join(FAULTS)}")
    return names


def _run(arguments: argparse.Namespace, seed: int, stage: type[Stage], faults: Sequence[Fault]) -> Outcome:
    home = Path(tempfile.mkdtemp(prefix="karya-chaos-"))
    keep = True
    try:
        rate = arguments.rate or (RATE if arguments.soak else MIXED)
        programme = Programme(seed, faults, rate, arguments.minutes, bool(arguments.soak))
        outcome = asyncio.run(perform(stage(home), programme, console.print))
        keep = arguments.keep or not outcome.good
    finally:
        if keep:
            console.print(f"data directory and records: {home}")
        else:
            shutil.rmtree(home, ignore_errors=True)
    _print(outcome)
    return outcome


def _print(outcome: Outcome) -> None:
    verdict = outcome.verdict
    table = Table(*COLUMNS, title=f"seed {outcome.seed}, {outcome.stage}")
    for row in rows(outcome):
        table.add_row(*row.cells)
    console.print(table)
    console.print(
        f"{len(outcome.history.jobs)} jobs, {len(outcome.history.arrivals)} requests, "
        f"{verdict.expected} runs expected, {verdict.retried} retried, {verdict.excused} made again, "
        f"{verdict.handed_back} handed back; all was there {outcome.quiesced:.1f} s after the last submit"
    )
    if outcome.starved:
        most = max(each.late for each in outcome.starved) / 1000
        console.print(f"the machine was late by itself {len(outcome.starved)} times, at most {most:.1f} s")
    for each in outcome.growth:
        console.print(
            f"  {each.role}: {each.begin:.0f} MB, in the end {each.end:.0f}, at most {each.most:.0f}"
        )
    if not outcome.good:
        console.print(f"the actors' logs: {', '.join(outcome.logs)}")
    for line in worst(outcome):
        console.print(f"[bold red]✗[/] {line}")
    console.print("[bold green]nothing is wrong" if outcome.good else "[bold red]something is wrong")


if __name__ == "__main__":
    sys.exit(main())
