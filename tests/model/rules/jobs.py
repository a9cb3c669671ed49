"""What may become of jobs: their states, and exactly the instants of their schedules (I1, I2, I5)."""

from collections.abc import Mapping
from datetime import datetime
from itertools import takewhile

from tests.model.acts import Act
from tests.model.book import Book
from tests.model.ledger import Ledger
from tests.model.rules.skips import skipped
from tests.model.snapshot import LIVE, OPEN, Document, Snapshot, is_untouched
from tests.model.terms import ms

WAYS: Mapping[tuple[str, str], frozenset[str]] = {
    ("ACTIVE", "PAUSED"): frozenset({"pause"}),
    ("PAUSED", "ACTIVE"): frozenset({"resume"}),
    ("ACTIVE", "CANCELLED"): frozenset({"cancel", "sweep", "child"}),
    ("PAUSED", "CANCELLED"): frozenset({"cancel", "sweep", "child"}),
    ("ACTIVE", "COMPLETED"): frozenset({"report", "sweep", "resume", "skip", "update"}),
    ("PAUSED", "COMPLETED"): frozenset({"resume", "skip", "update"}),
}
"""Who may bring about each change of state."""

Made = set[tuple[str, str]]
"""Occurrences that an act may have made: job and cause."""


def cause_of(instant: datetime) -> str:
    """What an occurrence of this instant is called."""
    return f"at:{instant.strftime('%Y-%m-%dT%H:%M:%S')}.{instant.microsecond // 1000:03d}Z"


def check(ledger: Ledger, act: Act, before: Snapshot, now: Snapshot) -> Made:
    """All jobs; returns the occurrences that were made meanwhile."""
    made: Made = set()
    for job_id, job in now.jobs.items():
        old = before.jobs.get(job_id)
        if old is None:
            made |= _begun(ledger, act, job, now)
        elif old != job or before.skips != now.skips:
            _moved(ledger, act, old, job, now)
            made |= _scheduled(ledger, act, old, job, before, now)
        _must_hold(ledger.books[job_id], job, now)
    for job_id in before.jobs.keys() - now.jobs.keys():
        _forgotten(ledger, act, before.jobs[job_id], now)
    return made


def _begun(ledger: Ledger, act: Act, job: Document, now: Snapshot) -> Made:
    assert act.kind in ("submit", "child") and job["_id"] in act.terms, f"nobody asked for {job}"
    terms, created = act.terms[job["_id"]], job["created_at"]
    book = ledger.books[job["_id"]] = Book(created, {1: terms}, act.parent)
    assert job.get("parent_id") == act.parent
    last = job["cursor"]["at"]
    instants = list(takewhile(lambda at: at <= last, terms.timing.instants(created)))
    assert len(instants) == job["cursor"]["count"] and instants[-1] == last, f"gap: {job}"
    return {_made(book, job, at, now) for at in instants}


def _moved(ledger: Ledger, act: Act, old: Document, job: Document, now: Snapshot) -> None:
    """The state and the version."""
    ways = old["status"], job["status"]
    if old["status"] != job["status"]:
        assert act.kind in WAYS.get(ways, ()), f"{act.kind} may not bring {ways} about: {job}"
    book = ledger.books[job["_id"]]
    if ways[0] in LIVE and ways[1] == "COMPLETED":
        open_steps = [task for task in now.steps(job["_id"]) if task["status"] in OPEN]
        assert not open_steps or book.redriven, f"completed with open steps: {open_steps}"
        assert job["cursor"]["exhausted"], f"completed before its last instant: {job}"
    if old["version"] != job["version"]:
        assert (act.kind, job["version"]) == ("update", old["version"] + 1)
        book.versions[job["version"]] = act.terms[job["_id"]]


def _scheduled(
    ledger: Ledger, act: Act, old: Document, job: Document, before: Snapshot, now: Snapshot
) -> Made:
    """Everything between the two cursors is dealt with."""
    book, passed = ledger.books[job["_id"]], skipped(ledger, act, old, job, before, now)
    if old["version"] != job["version"]:
        return _remade(ledger, book, old, job, before, now)
    terms = book.terms
    last, cursor = old["cursor"], job["cursor"]
    if last != cursor:
        assert act.kind in ("turn", "skip", "resume"), f"{act.kind} moved the cursor of {job}"
        assert old["status"] in LIVE, f"goes on though it has ended: {job}"
    instants = terms.between(book.created, last["at"], cursor["at"])
    assert len(instants) == cursor["count"] - last["count"], f"from {last} to {cursor} are {instants}"
    assert passed <= set(instants), f"skipped what the cursor did not pass: {passed}, {instants}"
    made = {_made(book, job, at, now) for at in instants if at not in passed}
    left = book.left(cursor["at"], cursor["count"])
    assert cursor["exhausted"] == (left is None), f"{left} is left: {job}"
    return made


def _made(book: Book, job: Document, at: datetime, now: Snapshot) -> tuple[str, str]:
    cause = cause_of(at)
    names = [task["step"] for task in now.by_cause(job["_id"]).get(cause, ())]
    assert sorted(names) == sorted(book.terms.names), f"{job['_id']} {cause} has the steps {names}"
    book.account(at, "made")
    return job["_id"], cause


def _remade(
    ledger: Ledger, book: Book, old: Document, job: Document, before: Snapshot, now: Snapshot
) -> Made:
    """A new version: what nobody had claimed is made again, or withdrawn."""
    were, are = before.by_cause(job["_id"]), now.by_cause(job["_id"])
    again = {cause for cause, tasks in are.items() if tasks[0]["job_version"] == job["version"]}
    withdrawn = {cause for cause in were if cause in again or cause not in are}
    for cause in withdrawn:
        assert all(map(is_untouched, were[cause])), f"withdrawn though it had begun: {were[cause]}"
        assert cause != old.get("slot"), f"withdrawn though it held the slot: {cause}"
        book.accounted.pop(were[cause][0]["instant"], None)
    planned = {c for c in again if c.startswith("at:")}
    count = old["cursor"]["count"] - len([c for c in withdrawn if c.startswith("at:")]) + len(planned)
    cursor, terms = job["cursor"], book.terms
    assert cursor["count"] == count, f"counts {cursor['count']} instead of {count}: {job}"
    for cause in planned:
        at = are[cause][0]["instant"]
        assert terms.following(book.created, at - ms(1)) == at, f"{at} is none of its instants: {job}"
        _made(book, job, at, now)
    if not cursor["exhausted"] and terms.timing != book.versions[old["version"]].timing:
        assert cursor["at"] > ledger.now
        left = [
            at for at in terms.between(book.created, ledger.now, cursor["at"]) if at not in book.accounted
        ]
        assert not left, f"left out: {left}"
    assert {c for c in were if c.startswith("trigger:")} == {c for c in are if c.startswith("trigger:")}
    return {(job["_id"], cause) for cause in again}


def _must_hold(book: Book, job: Document, now: Snapshot) -> None:
    """What is true of a job at any time."""
    if all(terms.overlap != "allow" for terms in book.versions.values()):
        running = {task["cause"] for task in now.steps(job["_id"]) if task["status"] == "RUNNING"}
        assert len(running) <= 1, f"overlapping: {running} of {job}"


def _forgotten(ledger: Ledger, act: Act, job: Document, now: Snapshot) -> None:
    book = ledger.books[job["_id"]]
    assert act.kind == "sweep" and job["status"] not in LIVE, f"{act.kind} removed {job}"
    assert job["finished_at"] + book.kept <= ledger.now, f"removed too early: {job}"
    assert not now.steps(job["_id"]), f"removed before its tasks: {job}"
