"""What may become of jobs: their states, and exactly the instants of their schedules (I1, I2, I5)."""

from collections.abc import Mapping
from itertools import takewhile

from tests.model.acts import Act
from tests.model.book import Book
from tests.model.ledger import Ledger
from tests.model.rules import remade
from tests.model.rules.instants import Made, made
from tests.model.rules.skips import skipped
from tests.model.rules.updates import change_of
from tests.model.snapshot import LIVE, OPEN, Document, Snapshot

WAYS: Mapping[tuple[str, str], frozenset[str]] = {
    ("ACTIVE", "PAUSED"): frozenset({"pause"}),
    ("PAUSED", "ACTIVE"): frozenset({"resume"}),
    ("ACTIVE", "CANCELLED"): frozenset({"cancel", "sweep", "child"}),
    ("PAUSED", "CANCELLED"): frozenset({"cancel", "sweep", "child"}),
    ("ACTIVE", "COMPLETED"): frozenset({"report", "sweep", "resume", "skip", "update"}),
    ("PAUSED", "COMPLETED"): frozenset({"resume", "skip", "update"}),
}
"""Who may bring about each change of state."""


def check(ledger: Ledger, act: Act, before: Snapshot, now: Snapshot) -> Made:
    """All jobs; returns the occurrences that were made meanwhile."""
    occurrences: Made = set()
    for job_id, job in now.jobs.items():
        old = before.jobs.get(job_id)
        if old is None:
            occurrences |= _begun(ledger, act, job, now)
        elif old != job or before.skips != now.skips:
            _moved(ledger, act, old, job, now)
            occurrences |= _scheduled(ledger, act, old, job, before, now)
        _must_hold(ledger.books[job_id], job, now)
    for job_id in before.jobs.keys() - now.jobs.keys():
        _forgotten(ledger, act, before.jobs[job_id], now)
    return occurrences


def _begun(ledger: Ledger, act: Act, job: Document, now: Snapshot) -> Made:
    assert act.kind in ("submit", "child") and job["_id"] in act.terms, f"nobody asked for {job}"
    terms, created = act.terms[job["_id"]], job["created_at"]
    book = ledger.books[job["_id"]] = Book(created, {1: terms}, act.parent)
    assert job.get("parent_id") == act.parent
    last = job["cursor"]["at"]
    instants = list(takewhile(lambda at: at <= last, terms.timing.instants(created)))
    assert len(instants) == job["cursor"]["count"] and instants[-1] == last, f"gap: {job}"
    return {made(book, job, at, now) for at in instants}


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
    """Everything between the two cursors is dealt with; what was before it was met, only counts."""
    book, last, cursor = ledger.books[job["_id"]], old["cursor"], job["cursor"]
    if old["version"] != job["version"]:
        change = change_of(ledger, old, job, before)
        lost = change.lost()
        return remade.check(change, skipped(ledger, act, old, job, before, now), lost, before, now)
    met = {at for at in book.accounted if at > last["at"]}
    passed = skipped(ledger, act, old, job, before, now)
    instants = book.terms.between(book.created, last["at"], cursor["at"])
    assert len(instants) == cursor["count"] - last["count"], f"from {last} to {cursor} are {instants}"
    assert passed <= set(instants), f"skipped what the cursor did not pass: {passed}, {instants}"
    if last != cursor:
        assert act.kind in ("turn", "skip", "resume"), f"{act.kind} moved the cursor of {job}"
        assert old["status"] in LIVE, f"goes on though it has ended: {job}"
        left = book.terms.following(book.created, cursor["at"], cursor["count"])
        assert cursor["exhausted"] == (left is None), f"{left} is left: {job}"
    return {made(book, job, at, now) for at in instants if at not in passed | met}


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
