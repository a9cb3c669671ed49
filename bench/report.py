"""The figures for people, for machines and for the documentation."""

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from rich.table import Table

from bench.figures import Figure

FIGURES_BEGIN, FIGURES_END = "<!-- figures: begin -->", "<!-- figures: end -->"
_COLUMNS = ("measured", "figure", "unit", "goal", "met")


def table(figures: Sequence[Figure]) -> Table:
    """For a terminal."""
    made = Table(*_COLUMNS, title=f"Karya on {psutil.cpu_count()} cores")
    for figure in figures:
        met = _verdict(figure)
        made.add_row(*_cells(figure), f"[bold red]{met}" if met == "no" else met)
    return made


def write_json(file: Path, workers: int, figures: Sequence[Figure]) -> None:
    """Everything, with what it was measured on."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(_document(workers, figures), indent=2) + "\n")


def write_markdown(file: Path, workers: int, figures: Sequence[Figure]) -> None:
    """Puts the table into a page, between its two marks."""
    before, begin, rest = file.read_text().partition(FIGURES_BEGIN)
    _, end, after = rest.partition(FIGURES_END)
    if not (begin and end):
        raise ValueError(f"{file} has no {FIGURES_BEGIN} with {FIGURES_END} behind it")
    lines = [_COLUMNS, ["---"] * len(_COLUMNS), *([*_cells(each), _verdict(each)] for each in figures)]
    rows = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    when = f"{datetime.now(UTC):%-d %B %Y}, {_machine(workers)}"
    file.write_text(f"{before}{FIGURES_BEGIN}\n{when}\n\n{rows}\n{FIGURES_END}{after}")


def _cells(figure: Figure) -> Sequence[str]:
    return (figure.name, _number(figure.value), figure.unit, figure.wanted)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}"


def _verdict(figure: Figure) -> str:
    if figure.goal is None:
        return ""
    return "yes" if figure.met else "no"


def _machine(workers: int) -> str:
    return f"{psutil.cpu_count()} cores, Python {platform.python_version()}, {workers} workers"


def _document(workers: int, figures: Sequence[Figure]) -> dict[str, Any]:
    return {
        "measured_at": datetime.now(UTC).isoformat(),
        "machine": {"cores": psutil.cpu_count(), "python": platform.python_version()},
        "workers": workers,
        "figures": [{**asdict(figure), "met": figure.met} for figure in figures],
    }
