"""The figures as pictures, for the documentation."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import pygal
from pygal.style import CleanStyle

from bench.figures import Figure

_TITLES: Mapping[str, str] = {
    "lag": "Start lag by rate (ms; dashed: the goal)",
    "growth": "Drain by the number of jobs stored (jobs/s)",
}
_LOGARITHMIC = frozenset({"lag"})
_LEAST = 0.5
"""What a logarithmic axis shows of zero."""


def write_plots(folder: Path, figures: Sequence[Figure]) -> None:
    """One SVG for each plot that all of its figures are there for."""
    folder.mkdir(parents=True, exist_ok=True)
    plots: dict[str, list[Figure]] = defaultdict(list)
    for figure in figures:
        if figure.place is not None:
            plots[figure.place.plot].append(figure)
    for name, found in plots.items():
        (folder / f"{name}.svg").write_bytes(_plot(name, found).render())


def _plot(name: str, figures: Sequence[Figure]) -> pygal.Line:
    marks = list(dict.fromkeys(figure.place.mark for figure in figures if figure.place))
    plot = pygal.Line(
        title=_TITLES[name],
        style=CleanStyle,
        logarithmic=name in _LOGARITHMIC,
        js=[],
        width=800,
        height=400,
        legend_at_bottom=True,
    )
    plot.x_labels = marks
    for line in dict.fromkeys(figure.place.line for figure in figures if figure.place):
        of_line = {f.place.mark: f for f in figures if f.place and f.place.line == line}
        plot.add(line, [_value(of_line.get(mark)) for mark in marks])
        goals = [of_line[mark].goal if mark in of_line else None for mark in marks]
        if any(goal is not None for goal in goals):
            plot.add(f"{line}, goal", goals, stroke_style={"dasharray": "4, 4"}, show_dots=False)
    return plot


def _value(figure: Figure | None) -> float | None:
    return None if figure is None else round(max(figure.value, _LEAST), 1)
