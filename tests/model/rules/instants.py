"""How instants become occurrences, and what these are called."""

from datetime import datetime

from tests.model.book import Book
from tests.model.snapshot import Document, Snapshot

Made = set[tuple[str, str]]
"""Occurrences that an act may have made: job and cause."""


def cause_of(instant: datetime) -> str:
    """What an occurrence of this instant is called."""
    return f"at:{instant.strftime('%Y-%m-%dT%H:%M:%S')}.{instant.microsecond // 1000:03d}Z"


def made(book: Book, job: Document, at: datetime, now: Snapshot) -> tuple[str, str]:
    """An instant has come to have its tasks, all of them."""
    cause = cause_of(at)
    names = [task["step"] for task in now.by_cause(job["_id"]).get(cause, ())]
    assert sorted(names) == sorted(book.terms.names), f"{job['_id']} {cause} has the steps {names}"
    book.account(at, "made")
    return job["_id"], cause
