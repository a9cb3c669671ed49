"""The judge: what is wrong with one job, as far as a stretch of its ledger shows it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from karya.core.audit.attempts import check_attempts
from karya.core.audit.case import Case
from karya.core.audit.findings import Finding
from karya.core.audit.hooks import check_hooks, check_hooks_of_end
from karya.core.audit.instants import Instants, Numbers
from karya.core.audit.occurrences import check_occurrences, count_occurrences
from karya.core.audit.records import Entry, Moment, RangeRecord
from karya.core.audit.standing import check_completed, check_standing
from karya.core.audit.steering import check_steering
from karya.core.audit.tally import Fate, Tally
from karya.core.audit.tasks import check_tasks
from karya.core.times import MILLISECOND


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found, what was counted, and `numbers` for the next stretch of the same job."""

    findings: tuple[Finding, ...]
    tally: Tally
    numbers: Numbers = field(default_factory=dict)


def judge(entry: Entry, moment: Moment, numbers: Mapping[int, int] | None = None) -> Verdict:
    """Judges one entry. `numbers` are those of the verdict on the stretch before, if there was one."""
    case = Case(entry, moment)
    instants = Instants(case, numbers or {})
    findings = tuple(_findings(case, instants))
    return Verdict(findings, _count(case), instants.numbers)


def _findings(case: Case, instants: Instants) -> Iterator[Finding]:
    yield from instants.findings()
    yield from check_occurrences(case)
    yield from check_tasks(case)
    yield from check_attempts(case)
    yield from check_steering(case)
    yield from check_hooks(case)
    yield from check_completed(case)
    if case.entry.is_last:
        yield from check_standing(case)
        yield from check_hooks_of_end(case)


def _count(case: Case) -> Tally:
    tally = Tally(tasks=len(case.steps), hooks=len(case.hooks))
    if case.entry.is_last:
        tally.jobs = 1
        tally.trimmed = int(case.complete_after >= case.job.created_at)
    count_occurrences(case, tally)
    for record in case.entry.ranges:
        tally.instants[Fate.SKIPPED] += _inside(case, record)
    tally.instants[Fate.WITHDRAWN] += sum(_withdrawn(case))
    return tally


def _inside(case: Case, record: RangeRecord) -> int:
    """How many instants of a range lie inside the stretch."""
    run, stretch = record.range, case.entry.stretch
    if stretch.holds(run.first) and stretch.holds(run.last):
        return run.count
    chain = case.history.line.of_version(record.version)
    first = max(run.first, stretch.since or run.first)
    last = run.last if stretch.until is None else min(run.last, stretch.until - MILLISECOND)
    return chain.passed(first, last).count if chain and first <= last else 0


def _withdrawn(case: Case) -> Iterator[int]:
    """What each update took back: instants that were still to come."""
    for update in case.history.updates:
        yield sum(map(case.entry.stretch.holds, update.withdrawn))
