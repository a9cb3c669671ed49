"""The figures for people: in a terminal, and in the documentation."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import psutil
from rich.table import Table

from bench.figures import Figure
from bench.measured import Measured, write_json
from bench.plots import write_plots

_BEGIN, _END = "<!-- figures: begin -->", "<!-- figures: end -->"
_COLUMNS = ("measured", "figure", "unit", "goal", "met")


def table(figures: Sequence[Figure]) -> Table:
    """For a terminal."""
    made = Table(*_COLUMNS, title=f"Karya on {psutil.cpu_count()} cores")
    for figure in figures:
        met = _verdict(figure)
        made.add_row(*_cells(figure), f"[bold red]{met}" if met == "no" else met)
    return made


def write_documentation(docs: Path, found: Mapping[str, Measured]) -> None:
    """The JSON, the table in the page, and the plots: all of the same figures."""
    folder, page = docs / "benchmarks", docs / "benchmarks.md"
    with_figures = with_table(page.read_text(), found)
    write_json(folder / "figures.json", found)
    page.write_text(with_figures)
    write_plots(folder, [figure for each in found.values() for figure in each.figures])


def with_table(page: str, found: Mapping[str, Measured]) -> str:
    """The page with the table of these between its two marks. Raises ValueError when it has none."""
    before, begin, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not (begin and end):
        raise ValueError(f"the page has no {_BEGIN} with {_END} behind it")
    rows = "\n".join(f"| {' | '.join(line)} |" for line in _lines(found))
    return f"{before}{_BEGIN}\n{rows}\n{_END}{after}"


def _lines(found: Mapping[str, Measured]) -> Iterator[Sequence[str]]:
    yield _COLUMNS
    yield ["---"] * len(_COLUMNS)
    for name, one in found.items():
        when = f"{datetime.fromisoformat(one.measured_at):%-d %B %Y, %H:%M}"
        yield [f"**{name}**: {when}, {one.commit}, {one.machine}", *[""] * (len(_COLUMNS) - 1)]
        for figure in one.figures:
            yield [*_cells(figure), _verdict(figure)]


def _cells(figure: Figure) -> Sequence[str]:
    return (figure.name, shown(figure.value), figure.unit, figure.wanted)


def shown(value: float) -> str:
    """As tables have it."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:,.1f}" if value >= 10 else f"{value:,.2f}"


def _verdict(figure: Figure) -> str:
    if figure.goal is None:
        return ""
    return "yes" if figure.met else "no"
