"""Arrivals put together: all attempts under one id are one run."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from tests.chaos.judge.facts import FOR_EVER, HOOK, Arrival, History


@dataclass(frozen=True)
class Run:
    """The attempts under one id at one part of a job, in the order of their arrival."""

    ident: str
    arrivals: tuple[Arrival, ...]

    @property
    def first(self) -> Arrival:
        """The one that counts for punctuality."""
        return self.arrivals[0]

    @property
    def last(self) -> Arrival:
        """The latest one."""
        return self.arrivals[-1]

    @property
    def key(self) -> str:
        """The job."""
        return self.first.key

    @property
    def part(self) -> str:
        """The step, or HOOK and its trigger."""
        return self.first.part

    @property
    def instant(self) -> int:
        """The nominal instant that it named."""
        return self.first.instant

    @property
    def is_hook(self) -> bool:
        """Whether it is one of a hook."""
        return self.part.startswith(HOOK)

    @cached_property
    def succeeded_at(self) -> int | None:
        """When a target first answered with success."""
        ends = [a.ended for a in self.arrivals if a.succeeded and a.ended is not None]
        return min(ends, default=None)

    @property
    def over_at(self) -> int:
        """When what follows may begin: with the first success, else with the end of the last attempt."""
        if self.succeeded_at is not None:
            return self.succeeded_at
        return FOR_EVER if self.last.ended is None else self.last.ended


Runs = Mapping[tuple[str, str], tuple[Run, ...]]
"""By job and part, in the order of their first arrivals."""


def runs_of(history: History) -> Runs:
    """All arrivals as runs."""
    found: dict[tuple[str, str], dict[str, list[Arrival]]] = defaultdict(lambda: defaultdict(list))
    for arrival in sorted(history.arrivals, key=lambda each: each.number):
        found[arrival.key, arrival.part][arrival.ident].append(arrival)
    return {place: tuple(_runs(idents)) for place, idents in found.items()}


def _runs(idents: Mapping[str, Iterable[Arrival]]) -> Iterable[Run]:
    return (Run(ident, tuple(arrivals)) for ident, arrivals in idents.items())
