"""What an audit tells."""

from collections.abc import Iterable, Mapping

from pydantic import Field

from karya.core.audit.findings import INVARIANTS, Code, Finding
from karya.core.audit.tally import Fate, Tally
from karya.core.times import Instant
from karya.core.views.base import View


class FindingView(View):
    """One violation: its kind, the invariants that it breaks, what it is about, and one sentence."""

    code: Code
    invariants: tuple[str, ...]
    job_id: str
    instant: Instant | None
    task_id: str | None
    text: str

    @classmethod
    def of(cls, finding: Finding) -> "FindingView":
        """The wire form of a finding."""
        return cls(
            code=finding.code,
            invariants=INVARIANTS[finding.code],
            job_id=finding.job_id,
            instant=finding.instant,
            task_id=finding.task_id,
            text=finding.text,
        )


class Counts(View):
    """What was looked at. `instants` are those of schedules by their fate, `triggered` the occurrences that
    were asked for; of `trimmed` jobs the older part may have gone by retention."""

    jobs: int = 0
    trimmed: int = 0
    tasks: int = 0
    hooks: int = 0
    instants: dict[Fate, int] = Field(default_factory=dict)
    triggered: dict[Fate, int] = Field(default_factory=dict)

    @classmethod
    def of(cls, tally: Tally) -> "Counts":
        """The wire form of a tally: every fate with its number."""
        return cls(
            jobs=tally.jobs,
            trimmed=tally.trimmed,
            tasks=tally.tasks,
            hooks=tally.hooks,
            instants={fate: tally.instants[fate] for fate in Fate},
            triggered={fate: tally.triggered[fate] for fate in Fate},
        )

    def plus(self, other: "Counts") -> "Counts":
        """The sum of both."""
        return Counts(
            jobs=self.jobs + other.jobs,
            trimmed=self.trimmed + other.trimmed,
            tasks=self.tasks + other.tasks,
            hooks=self.hooks + other.hooks,
            instants=_sum(self.instants, other.instants),
            triggered=_sum(self.triggered, other.triggered),
        )


def _sum(one: Mapping[Fate, int], other: Mapping[Fate, int]) -> dict[Fate, int]:
    return {fate: one.get(fate, 0) + other.get(fate, 0) for fate in Fate}


class AuditReport(View):
    """What was found in the instants from `since` on and before `until` (null: no bound), judged at `at`.
    What a cluster is to do by itself is judged for when one ran: `alive_until` is the last moment of that."""

    since: Instant | None
    until: Instant | None
    at: Instant
    alive_until: Instant | None
    counts: Counts
    findings: tuple[FindingView, ...]

    def followed_by(self, page: "AuditReport") -> "AuditReport":
        """The report of both: this one, and then that page."""
        return AuditReport(
            since=self.since,
            until=self.until,
            at=page.at,
            alive_until=page.alive_until,
            counts=self.counts.plus(page.counts),
            findings=(*self.findings, *page.findings),
        )

    @property
    def is_clean(self) -> bool:
        """Whether there is no violation."""
        return not self.findings


class AuditPage(AuditReport):
    """A part of an audit; `next_cursor` asks for the next one, null on the last."""

    next_cursor: str | None

    @property
    def report(self) -> AuditReport:
        """The same as a report of its own."""
        return AuditReport(**{name: getattr(self, name) for name in AuditReport.model_fields})


def merged(pages: Iterable[AuditPage]) -> AuditReport:
    """The report of all these pages; there is one at least."""
    first, *others = pages
    report = first.report
    for page in others:
        report = report.followed_by(page)
    return report
