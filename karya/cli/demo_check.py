"""Whether the demo's calls arrived as they should have, judged by nothing but the target's record."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from karya.cli.demo_target import Arrival
from karya.core.times import format_instant
from karya.core.words import how_many

TOLERANCE = timedelta(seconds=2)
"""How late a call may be, in the eyes of the demo, on a laptop that is doing other things too."""


@dataclass(frozen=True)
class Expected:
    """One execution of a task: which path is called, when, how often, and what the calls say."""

    path: str
    instant: datetime | None
    """Its instant, which every call tells; None: any."""
    attempts: int = 1
    pause: timedelta = timedelta(0)
    """How long after one attempt the next is due."""
    after: str = ""
    """The path whose last call makes it due; without one it is due at its instant."""
    since: datetime | None = None
    """When it was redriven, which makes it due; what arrived before belongs to its execution before."""
    says: Mapping[str, Any] = field(default_factory=dict)
    """What the body of each call must say, among other things."""

    def __str__(self) -> str:
        of = f" of {format_instant(self.instant)}" if self.instant else f" after {self.after}"
        return f"{self.path}{of}{' redriven' if self.since else ''}"


@dataclass(frozen=True)
class Verdict:
    """What is wrong, one line each, and how late each call that came was."""

    problems: tuple[str, ...]
    lateness: tuple[timedelta, ...]


def check(expected: Sequence[Expected], arrivals: Sequence[Arrival]) -> Verdict:
    """Compares what should have arrived with what did."""
    problems: list[str] = []
    lateness: list[timedelta] = []
    left = list(arrivals)
    for one in sorted(expected, key=lambda one: one.since is None):
        mine = [arrival for arrival in left if _belongs(arrival, one)]
        left = [arrival for arrival in left if arrival not in mine]
        problems.extend(_miscounted(one, mine))
        problems.extend(_misspoken(one, mine))
        for attempt, late in _latenesses(one, mine, arrivals):
            lateness.append(late)
            problems.extend(_mistimed(one, attempt, late))
    problems.extend(f"{arrival.path}: nobody asked for the call of {arrival.at}" for arrival in left)
    problems.extend(_confused_ids(arrivals))
    return Verdict(tuple(problems), tuple(lateness))


def _belongs(arrival: Arrival, one: Expected) -> bool:
    in_time = one.since is None or arrival.at >= one.since
    return arrival.path == one.path and one.instant in (None, arrival.instant) and in_time


def _miscounted(one: Expected, mine: Sequence[Arrival]) -> Iterator[str]:
    counts = Counter(arrival.attempt for arrival in mine)
    for attempt in sorted({*counts, *range(1, one.attempts + 1)}):
        wanted = 1 if attempt <= one.attempts else 0
        if counts[attempt] != wanted:
            yield f"{one}: attempt {attempt} arrived {how_many(counts[attempt], 'time')} instead of {wanted}"


def _misspoken(one: Expected, mine: Sequence[Arrival]) -> Iterator[str]:
    for arrival in mine:
        said = arrival.body if isinstance(arrival.body, Mapping) else {}
        for name, value in one.says.items():
            if said.get(name) != value:
                yield f"{one}: attempt {arrival.attempt} says {name} {said.get(name)!r} instead of {value!r}"


def _latenesses(
    one: Expected, mine: Sequence[Arrival], all_arrivals: Sequence[Arrival]
) -> Iterator[tuple[int, timedelta]]:
    before = [arrival.at for arrival in all_arrivals if arrival.path == one.after]
    due = one.since or (max(before, default=None) if one.after else one.instant)
    for attempt in range(1, one.attempts + 1):
        arrived_at = min((arrival.at for arrival in mine if arrival.attempt == attempt), default=None)
        if due is None or arrived_at is None:
            return  # What is missing is counted elsewhere, and nothing says when the rest was due.
        yield attempt, arrived_at - due
        due = arrived_at + one.pause


def _mistimed(one: Expected, attempt: int, late: timedelta) -> Iterator[str]:
    if late < timedelta(0):
        yield f"{one}: attempt {attempt} arrived {millis(-late)} ms early"
    if late > TOLERANCE:
        yield f"{one}: attempt {attempt} arrived {millis(late)} ms late"


def _confused_ids(arrivals: Sequence[Arrival]) -> Iterator[str]:
    """A target that is idempotent goes by the id: one for each execution, the same in every attempt."""
    pairs = {(arrival.webhook_id, (arrival.path, arrival.instant)) for arrival in arrivals}
    for webhook_id, count in Counter(webhook_id for webhook_id, _ in pairs).items():
        if count > 1:
            yield f"webhook-id {webhook_id} stands for {count} executions"
    for (path, instant), count in Counter(execution for _, execution in pairs).items():
        if count > 1:
            yield f"{path} of {format_instant(instant)} came under {count} webhook-ids"


def millis(duration: timedelta) -> int:
    """In whole milliseconds."""
    return round(duration / timedelta(milliseconds=1))
