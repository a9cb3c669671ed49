"""How `karya simulate` draws what it found."""

import math
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import islice
from typing import Any

from rich.text import Text

from karya.cli.output import inert, out, say
from karya.core.loadmap import LoadMap, Peak
from karya.core.times import format_duration, format_instant
from karya.core.words import how_many

_SHADES = " ·░▒▓█"
_COLOURS = ("", "dim", "blue", "cyan", "yellow", "bold red")
_HOUR = 3_600
_DAY = 24 * _HOUR
_BY_DAYS = 2 * _DAY
_CROWD = 20
"""From how many jobs in one second on they are told to spread."""
_MOST_WARNINGS = 10


def show_report(load: LoadMap) -> None:
    """The heat map, the peaks, and what should be looked at."""
    starts, running = load.starts(), load.running()
    total, peaks = sum(starts), load.peaks(starts)
    period = f"{format_instant(load.start)} to {format_instant(load.end)}"
    starting = how_many(load.jobs, "job starts", "jobs start")
    out.print(f"{starting} {how_many(total, 'time')}, {period}", soft_wrap=True)
    if not total:
        return
    out.print()
    for line in _map(load, starts):
        out.print(line, soft_wrap=True)
    out.print()
    busiest = max(running)
    when = format_instant(load.start + timedelta(seconds=running.index(busiest)))
    out.print(f"at most {busiest:,} at once, at {when}")
    for peak in peaks:
        say(f"peak: {_told(peak)}")
    for warning in warnings(load, peaks):
        out.print(Text(inert(f"warning: {warning}"), style="yellow"), soft_wrap=True)


def report_json(load: LoadMap) -> dict[str, Any]:
    """The same for programs; minutes in which nothing starts are left out."""
    starts, running = load.starts(), load.running()
    peaks, busiest = load.peaks(starts), max(running)
    minutes = _sums(starts, 60)
    return {
        "from": format_instant(load.start),
        "to": format_instant(load.end),
        "jobs": load.jobs,
        "starts": sum(starts),
        "per_minute": [
            {"at": format_instant(load.start + timedelta(minutes=minute)), "starts": count}
            for minute, count in enumerate(minutes)
            if count
        ],
        "peaks": [
            {
                "at": format_instant(peak.at),
                "starts": peak.starts,
                "distinct": peak.distinct,
                "repeats": peak.repeats,
                "jobs": [{"name": name, "starts": count} for name, count in peak.jobs],
            }
            for peak in peaks
        ],
        "running": {
            "most": busiest,
            "at": format_instant(load.start + timedelta(seconds=running.index(busiest))),
        },
        "warnings": list(warnings(load, peaks)),
    }


def warnings(load: LoadMap, peaks: Sequence[Peak]) -> Iterator[str]:
    """What is likely to hurt."""
    for peak in peaks:
        if peak.distinct >= _CROWD:
            again = f", and {how_many(peak.repeats, 'time')} more" if peak.repeats else ""
            yield f"{peak.distinct:,} jobs start at {peak.at:%H:%M:%S} UTC{again}: spread them with jitter"
    for job, gap in islice(load.overlapping(), _MOST_WARNINGS):
        took = format_duration(timedelta(seconds=round((job.duration or gap).total_seconds(), 3)))
        yield f"a run of {job.name} takes {took} and the next comes after {format_duration(gap)}: see overlap"


def _told(peak: Peak) -> str:
    named = ", ".join(name if count == 1 else f"{name} ({count}x)" for name, count in peak.jobs)
    unnamed = peak.distinct - len(peak.jobs)
    others = f" and {how_many(unnamed, 'other')}" if unnamed > 0 else ""
    again = f" (and {how_many(peak.repeats, 'second')} like it)" if peak.repeats else ""
    return f"{how_many(peak.starts, 'start')} at {format_instant(peak.at)}{again}: {named}{others}"


def _map(load: LoadMap, starts: Sequence[int]) -> Iterator[Text]:
    """A row for each hour and a cell for each minute; of long periods, a row for each day and a cell for each
    hour. Rows begin with the period, not with the hour of the clock."""
    cell, width = (_HOUR, 24) if load.seconds > _BY_DAYS else (60, 60)
    sums = _sums(starts, cell)
    highest = max(sums)
    unit = "hour" if cell == _HOUR else "minute"
    yield Text(f"starts by the {unit}: '{_SHADES}' is 0 to {highest:,}", style="dim")
    for first in range(0, len(sums), width):
        row = sums[first : first + width]
        at = load.start + timedelta(seconds=first * cell)
        text = Text(f"{at:%Y-%m-%d %H:%M} ")
        for count in row:
            level = _level(count, highest)
            text.append(_SHADES[level], style=_COLOURS[level])
        yield text.append(f" {sum(row):,}".rjust(width - len(row) + 10))


def _level(count: int, highest: int) -> int:
    """By the root, so that a peak does not make all else look like nothing."""
    if count == 0:
        return 0
    top = len(_SHADES) - 1
    return max(1, min(top, round(math.sqrt(count / highest) * top)))


def _sums(starts: Sequence[int], cell: int) -> list[int]:
    return [sum(starts[first : first + cell]) for first in range(0, len(starts), cell)]
