"""What a run came to, for people, for machines and for the documentation."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.chaos.faults.base import Injection
from tests.chaos.judge.verdict import Kind, Violation
from tests.chaos.suite import Outcome

_BEGIN, _END = "<!-- table: begin -->", "<!-- table: end -->"
COLUMNS = (
    "fault",
    "runs",
    "lost",
    "doubled",
    "again",
    "early",
    "late",
    "after cancel",
    "other",
    "felt (s)",
    "bound (s)",
)


@dataclass(frozen=True, slots=True)
class Row:
    """One fault. `again` are the duplicates that are allowed: attempts after one that was cut."""

    fault: str
    hit: str
    runs: int
    lost: int
    doubled: int
    again: int
    early: int
    late: int
    after_cancel: int
    other: int
    felt: float
    bound: float

    @property
    def cells(self) -> Sequence[str]:
        """As texts, in the order of COLUMNS."""
        counts = (self.lost, self.doubled, self.again, self.early, self.late, self.after_cancel, self.other)
        return (self.fault, str(self.runs), *map(str, counts), f"{self.felt:.1f}", f"{self.bound:.0f}")


def rows(outcome: Outcome) -> Sequence[Row]:
    """One for each fault; what was wrong before the first one counts for it."""
    return [_row(outcome, number) for number in range(len(outcome.injections))]


def _row(outcome: Outcome, number: int) -> Row:
    injection = outcome.injections[number]
    violations = [each for each in outcome.verdict.violations if _is_of(outcome, number, each.at)]

    def of(*kinds: Kind) -> int:
        return sum(each.kind in kinds for each in violations)

    named = of(*Kind) - of(
        Kind.LOST, Kind.DOUBLED, Kind.FENCE, Kind.EARLY, Kind.LATE, Kind.CANCELLED, Kind.PAUSED
    )
    return Row(
        injection.fault.name,
        injection.hit,
        sum(_is_of(outcome, number, each.at) for each in outcome.history.arrivals),
        of(Kind.LOST),
        of(Kind.DOUBLED, Kind.FENCE),
        outcome.felt.cut(injection),
        of(Kind.EARLY),
        of(Kind.LATE),
        of(Kind.CANCELLED, Kind.PAUSED),
        named,
        outcome.felt.lasted(injection) / 1000,
        injection.fault.bound,
    )


def _is_of(outcome: Outcome, number: int, at: int) -> bool:
    """Whether it happened from this injection on and before the next."""
    begins: list[int] = [each.injected_at for each in outcome.injections]
    after = begins[number + 1] if number + 1 < len(begins) else None
    return (number == 0 or at >= begins[number]) and (after is None or at < after)


def markdown(outcomes: Sequence[Outcome]) -> str:
    """The table for docs/reliability.md, one row a fault: the sums and the worst time over all seeds."""
    lines = [COLUMNS, ["---"] * len(COLUMNS)]
    names = list(dict.fromkeys(row.fault for outcome in outcomes for row in rows(outcome)))
    for name in names:
        found = [row for outcome in outcomes for row in rows(outcome) if row.fault == name]
        lines.append(_summed(name, found))
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _summed(name: str, found: Sequence[Row]) -> Sequence[str]:
    sums = [
        sum(figures) for figures in zip(*(list(asdict(row).values())[2:10] for row in found), strict=True)
    ]
    worst = max(row.felt for row in found)
    return (f"{name} ({len(found)})", *map(str, sums), f"{worst:.1f}", f"{found[0].bound:.0f}")


def write_markdown(file: Path, outcomes: Sequence[Outcome]) -> None:
    """Puts the table into a page, between its two marks; a file that is not there yet becomes just that."""
    before, after = "", ""
    if file.exists():
        before, _, rest = file.read_text().partition(_BEGIN)
        _, _, after = rest.partition(_END)
    seeds = sorted({outcome.seed for outcome in outcomes})
    when = f"{datetime.now(UTC):%-d %B %Y}, seeds {seeds[0]} to {seeds[-1]} in a row, {os.cpu_count()} cores"
    file.write_text(f"{before}{_BEGIN}\n{when}.\n\n{markdown(outcomes)}{_END}{after}")


def write_json(file: Path, outcomes: Sequence[Outcome]) -> None:
    """Everything but the history."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps([_document(outcome) for outcome in outcomes], indent=2) + "\n")


def _document(outcome: Outcome) -> dict[str, object]:
    verdict = outcome.verdict
    return {
        "seed": outcome.seed,
        "stage": outcome.stage,
        "good": outcome.good,
        "jobs": len(outcome.history.jobs),
        "arrivals": len(outcome.history.arrivals),
        "expected": verdict.expected,
        "retried": verdict.retried,
        "excused": verdict.excused,
        "handed_back": verdict.handed_back,
        "starved": {"times": len(outcome.starved), "most": max((e.late for e in outcome.starved), default=0)},
        "quiesced": outcome.quiesced,
        "faults": [{**asdict(row), **_times(outcome, n)} for n, row in enumerate(rows(outcome))],
        "growth": [{**asdict(each), "part": each.part} for each in outcome.growth],
        "violations": [asdict(each) for each in verdict.violations],
        "complaints": list(outcome.complaints),
    }


def _times(outcome: Outcome, number: int) -> dict[str, object]:
    injection = outcome.injections[number]
    latest = sorted(outcome.felt.of(injection), key=lambda late: late.at)[-5:]
    times = {name: getattr(injection, name) for name in ("injected_at", "healed_at", "over_at")}
    return {**times, "latest": [asdict(late) for late in latest]}


def worst(outcome: Outcome, most: int = 40) -> Iterator[str]:
    """What went wrong, in words."""
    yield from outcome.complaints
    yield from (_dated(outcome, each) for each in outcome.verdict.violations[:most])
    if (more := len(outcome.verdict.violations) - most) > 0:
        yield f"… and {more} more"


def _dated(outcome: Outcome, violation: Violation) -> str:
    before = [each for each in outcome.injections if each.injected_at <= violation.at]
    return f"{violation}{_since(before[-1], violation.at) if before else ''}"


def _since(injection: Injection, at: int) -> str:
    return f" [{(at - injection.injected_at) / 1000:.1f} s after {injection.fault.name}]"
