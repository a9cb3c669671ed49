"""Whether the demo's calls arrived as they should have, judged by nothing but the target's record."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from karya.cli.demo_target import Arrival
from karya.core.times import format_instant

TOLERANCE = timedelta(seconds=2)
"""How late a call may be, in the eyes of the demo, on a laptop that is doing other things too."""


@dataclass(frozen=True)
class Expected:
    """One execution of a job: which path is called, when, and how often until it succeeds."""

    path: str
    due: datetime | None
    """The instant of the first attempt; None: the last arrival on the path `after`."""
    attempts: int = 1
    pause: timedelta = timedelta(0)
    """How long after one attempt the next is due."""
    after: str = ""

    def __str__(self) -> str:
        return f"{self.path} of {format_instant(self.due)}" if self.due else f"{self.path} after {self.after}"


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
    for one in expected:
        mine = [arrival for arrival in left if _belongs(arrival, one)]
        left = [arrival for arrival in left if arrival not in mine]
        problems.extend(_miscounted(one, mine))
        for attempt, late in _latenesses(one, mine, arrivals):
            lateness.append(late)
            problems.extend(_mistimed(one, attempt, late))
    problems.extend(f"{arrival.path}: nobody asked for the call of {arrival.at}" for arrival in left)
    problems.extend(_confused_ids(arrivals))
    return Verdict(tuple(problems), tuple(lateness))


def _belongs(arrival: Arrival, one: Expected) -> bool:
    return arrival.path == one.path and one.due in (None, arrival.instant)


def _miscounted(one: Expected, mine: Sequence[Arrival]) -> Iterator[str]:
    counts = Counter(arrival.attempt for arrival in mine)
    for attempt in sorted({*counts, *range(1, one.attempts + 1)}):
        wanted = 1 if attempt <= one.attempts else 0
        if counts[attempt] != wanted:
            yield f"{one}: attempt {attempt} arrived {counts[attempt]} times instead of {wanted}"


def _latenesses(
    one: Expected, mine: Sequence[Arrival], all_arrivals: Sequence[Arrival]
) -> Iterator[tuple[int, timedelta]]:
    due = one.due or max((arrival.at for arrival in all_arrivals if arrival.path == one.after), default=None)
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
