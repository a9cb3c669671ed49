"""A measured figure beside the goal that it has to reach."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

TOLD_APART_MS = 0.5
"""Two median lags that are nearer to each other are the same: those of one cluster differ by half of it from
run to run."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a figure stands in a plot: on which line of it, and at which mark of its axis."""

    plot: str
    line: str
    mark: str


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure. Without a goal it is there to compare with."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    better: Literal["lower", "higher"] = "lower"
    place: Place | None = None

    @property
    def met(self) -> bool:
        """Whether the goal is reached, or there is none."""
        if self.goal is None:
            return True
        return self.value >= self.goal if self.better == "higher" else self.value <= self.goal

    @property
    def wanted(self) -> str:
        """The goal, for people."""
        if self.goal is None:
            return ""
        return f"{'≥' if self.better == 'higher' else '≤'} {self.goal:,g}"


def at_least(name: str, value: float, unit: str, goal: float) -> Figure:
    """A figure that is better the higher it is."""
    return Figure(name, value, unit, goal, "higher")


def at_most(name: str, value: float, unit: str, goal: float, place: Place | None = None) -> Figure:
    """A figure that is better the lower it is."""
    return Figure(name, value, unit, goal, place=place)


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Of values in ascending order, the one below which so many percent of them lie."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
