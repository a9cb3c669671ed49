"""What a new version makes of the instants of a job: each stays, is made again, skipped or taken back, as
the two schedules say."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tests.model.book import Book
from tests.model.ledger import Ledger
from tests.model.snapshot import Document, Snapshot, is_untouched
from tests.model.terms import Terms
from tests.model.timings import At

REPLACED = "the schedule was replaced"
Waiting = Mapping[datetime, Document]
"""One task for each occurrence that nobody has claimed, and that holds no slot."""


@dataclass(frozen=True)
class Change:
    """A job, before and behind an update that gave it other terms."""

    book: Book
    was: Terms
    old: Document
    job: Document
    waiting: Waiting
    at: datetime

    @property
    def terms(self) -> Terms:
        """The new ones."""
        return self.book.terms

    @property
    def is_replaced(self) -> bool:
        """Whether the instants, or how many of them there are, have changed."""
        return self.was.timing != self.terms.timing

    def behind(self) -> list[datetime]:
        """The instants of the old schedule that had come, and that its chain had not dealt with."""
        cursor = self.old["cursor"]
        if cursor["exhausted"]:
            return []
        most = self.was.timing.max_runs
        passed = self.was.between(self.book.created, cursor["at"], self.at)
        return passed if most is None else passed[: most - cursor["count"]]

    def goes_on(self) -> bool:
        """Whether the chain makes up for these by itself: only bounds have moved, and leave room for more."""
        behind, most = self.behind(), self.terms.timing.max_runs
        if not self._open(behind) or self.was.timing.rule != self.terms.timing.rule:
            return False
        return most is None or self.old["cursor"]["count"] + len(behind) < most

    def lost(self) -> set[datetime]:
        """What has to be in ranges since."""
        lost = self._open(self.behind()) if self.is_replaced and not self.goes_on() else set()
        return {at for at in lost if not (isinstance(self.terms.timing, At) and self._has(at))}

    def _open(self, instants: list[datetime]) -> set[datetime]:
        return {at for at in instants if at not in self.book.accounted}

    def _has(self, at: datetime) -> bool:
        return self.terms.has(self.book.created, at)

    def kept(self) -> set[datetime]:
        """What waits and stays, as another version."""
        if not self.is_replaced:
            return set(self.waiting)
        most = self.terms.timing.max_runs
        if most is None or isinstance(self.terms.timing, At):
            return {at for at in self._come() if self._has(at)}
        return {at for at in self._come() if self._has(at) and self.waiting[at]["count"] <= most}

    def passed(self) -> set[datetime]:
        """What waits and is skipped. A job that runs once is put off instead."""
        if not self.is_replaced or isinstance(self.was.timing, At):
            return set()
        return self._come() - self.kept()

    def _come(self) -> set[datetime]:
        return {at for at in self.waiting if at <= self.at}

    def following(self) -> datetime | None:
        """With what the chain goes on, as far as there is room: the first instant that nothing stands for."""
        if isinstance(self.terms.timing, At):
            return next(self.terms.timing.instants(self.book.created))
        start = self.old["cursor"]["at"] if self.goes_on() else self.at
        return self.book.unaccounted(start)

    def met_before(self, cursor: datetime | None) -> int:
        """How many instants the job has had: all that are dealt with, but for those with tasks that the chain
        comes to behind its cursor; to a range it never comes."""
        made = [at for at, how in self.book.accounted.items() if how == "made"]
        ahead = [at for at in made if cursor is not None and at > cursor]
        return len(self.book.accounted) - len([at for at in ahead if self._has(at)])


def change_of(ledger: Ledger, old: Document, job: Document, before: Snapshot) -> Change:
    """What there is to judge."""
    book = ledger.books[job["_id"]]
    waiting = {
        tasks[0]["instant"]: tasks[0]
        for cause, tasks in before.by_cause(job["_id"]).items()
        if cause.startswith("at:") and cause != old.get("slot") and all(map(is_untouched, tasks))
    }
    return Change(book, book.versions[old["version"]], old, job, waiting, ledger.now)
