"""How `karya audit` tells what it found."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from karya.cli.bar import Bar
from karya.cli.output import say
from karya.cli.tables import show_rows
from karya.core.words import how_many

if TYPE_CHECKING:
    from karya.core.views import AuditPage, AuditReport, FindingView


def followed(pages: "Iterator[AuditPage]", *, quiet: bool) -> "AuditReport":
    """All pages as one report. Unless it is to be quiet, violations are told as they are found."""
    report: AuditReport | None = None
    with Bar("audited jobs", quiet=quiet) as bar:
        for page in pages:
            report = page.report if report is None else report.followed_by(page)
            bar(report.counts.jobs)
            if page.findings and not quiet:
                with bar.aside():
                    show_findings(page.findings)
    assert report is not None  # noqa: S101 - an audit has one page at least
    return report


def show_findings(findings: "Iterable[FindingView]") -> None:
    """Each in a line."""
    for finding in findings:
        say(_line(finding))


def _line(finding: "FindingView") -> str:
    from karya.core.times import format_instant

    about = f"job {finding.job_id}"
    if finding.instant is not None:
        about += f" at {format_instant(finding.instant)}"
    if finding.task_id is not None:
        about += f", task {finding.task_id}"
    return f"{finding.code} ({', '.join(finding.invariants)}): {about}: {finding.text}"


def show_report(report: "AuditReport") -> None:
    """The counts as a table, and what they mean."""
    from karya.core.times import format_instant

    counts, count = report.counts, len(report.findings)
    rows = [(fate, f"{number:,}", f"{counts.triggered[fate]:,}") for fate, number in counts.instants.items()]
    show_rows(("fate", "instants", "triggered"), rows, "nothing")
    numbers = {"job": counts.jobs, "task": counts.tasks, "hook": counts.hooks}
    say(", ".join(how_many(number, one) for one, number in numbers.items()))
    if counts.trimmed:
        say(f"of {how_many(counts.trimmed, 'job')} only the recent part is proven: the rest may have expired")
    since = format_instant(report.since) if report.since else "the beginning"
    until = format_instant(report.until) if report.until else "the end"
    say(f"instants from {since} to {until}, judged at {format_instant(report.at)}")
    if report.alive_until is None or report.alive_until < report.at:
        last = format_instant(report.alive_until) if report.alive_until else "never"
        say(f"no scheduler leads (last: {last}): what waits since then is no violation")
    say("clean" if not count else how_many(count, "violation"))
