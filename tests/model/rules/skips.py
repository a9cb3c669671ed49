"""Which instants may be skipped as ranges, and for what reason."""

from datetime import datetime

from tests.model.acts import Act
from tests.model.book import Book
from tests.model.ledger import Ledger
from tests.model.rules.updates import REPLACED
from tests.model.snapshot import Document, Snapshot
from tests.model.terms import Terms, ms
from tests.model.timings import At


def skipped(
    ledger: Ledger, act: Act, old: Document, job: Document, before: Snapshot, now: Snapshot
) -> set[datetime]:
    """The instants of a job that a range holds since the act."""
    book = ledger.books[job["_id"]]
    terms = book.versions[old["version"]]  # of a schedule that is replaced: what came by it
    passed: set[datetime] = set()
    for ident, run in now.skips.items():
        if run["job_id"] != job["_id"] or run == before.skips.get(ident):
            continue
        part = _part(book, terms, run, before.skips.get(ident))
        passed |= part
        for at in part:
            _reasoned(ledger, act, book, run["reason"], at)
    for at in passed:
        book.account(at, "skipped")
    return passed


def _part(book: Book, terms: Terms, run: Document, was: Document | None) -> set[datetime]:
    """What a range holds, or has come to hold."""
    instants = terms.between(book.created, was["last"] if was else run["first"] - ms(1), run["last"])
    count = run["count"] - (was["count"] if was else 0)
    assert len(instants) == count and instants[-1] == run["last"], f"{run} should hold {instants}"
    assert was is not None or instants[0] == run["first"], f"{run} should begin with {instants[0]}"
    return set(instants)


def _reasoned(ledger: Ledger, act: Act, book: Book, reason: str, at: datetime) -> None:
    if reason == "the job was paused":
        assert act.kind == "resume" and at <= ledger.now, f"{act.kind} skipped {at}: {reason}"
    elif reason == REPLACED:
        ledger.moves["passed over by an update"] += 1
        assert act.kind == "update" and at <= ledger.now, f"{act.kind} skipped {at}: {reason}"
    else:
        assert act.kind == "turn", f"{act.kind} skipped {at}: {reason}"
        must_be_late(ledger, book.terms, reason, at, at)


def must_be_late(ledger: Ledger, terms: Terms, reason: str, at: datetime, due_at: datetime) -> None:
    """A misfire is one."""
    assert reason.startswith("misfired"), reason
    limit = terms.grace
    if terms.misfire == "all":
        assert terms.window is not None and not isinstance(terms.timing, At), (
            f"{at} is never too old: {reason}"
        )
        limit = max(limit, terms.window)
    assert ledger.now > due_at + limit, f"{at} is not late: {reason}"
