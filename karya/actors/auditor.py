"""Proving the ledger: sheet by sheet, and what looks wrong is looked at again before it is told."""

import asyncio
import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pydantic import BaseModel, ConfigDict, ValidationError

from karya.core.audit.findings import Code, Finding
from karya.core.audit.judge import Verdict, judge
from karya.core.audit.records import Entry, Moment
from karya.core.audit.tally import Tally
from karya.core.errors import InvalidInput, existing
from karya.core.ports import JobRepository
from karya.core.ports.ledger import Ledger, Place, Sheet, Vitals
from karya.core.queries import AuditQuery
from karya.core.times import Instant
from karya.core.views.audit import AuditPage, Counts, FindingView

LOOK_AGAIN_SECONDS = 0.5
"""How long after the first look the second one is: what was under way has been stored by then."""


class LedgerAuditor:
    """Implements `Auditor`. One page at a time, whoever asks, with a rest between two, so that an audit takes
    no more than its share of the store and of this process."""

    def __init__(
        self,
        ledger: Ledger,
        jobs: JobRepository,
        lock: str,
        *,
        rest: float = 0.0,
        look_again: float = LOOK_AGAIN_SECONDS,
    ) -> None:
        """`lock` is the scheduler's; `rest` is how long to rest, in parts of the time that a page took."""
        self._ledger = ledger
        self._jobs = jobs
        self._lock = lock
        self._rest = rest
        self._look_again = look_again
        self._turn = asyncio.Lock()

    async def audit(self, query: AuditQuery, *, cursor: str | None) -> AuditPage:
        """See `JobService.audit`."""
        place = None if cursor is None else _place(cursor)
        if query.job_id is not None and place is None:
            existing(await self._jobs.get(query.job_id), "job", query.job_id)
        async with self._turn:
            loop = asyncio.get_running_loop()
            began = loop.time()
            page = await self._page(query, place)
            if page.next_cursor is not None:
                await asyncio.sleep((loop.time() - began) * self._rest)
            return page

    async def _page(self, query: AuditQuery, place: Place | None) -> AuditPage:
        sheet = await self._ledger.sheet(query, place)
        vitals = await self._ledger.vitals(self._lock)
        numbers = place.numbers if place else {}
        verdicts = await asyncio.to_thread(_judged, sheet.entries, _moment(query, vitals), numbers)
        findings = await self._confirmed(query, sheet.entries, verdicts, numbers)
        findings += [_unreadable(job_id, ident) for job_id, ident in sheet.unreadable]
        return AuditPage(
            since=query.since,
            until=query.until,
            at=vitals.now,
            alive_until=vitals.alive_until,
            counts=Counts.of(_total(verdicts)),
            findings=tuple(map(FindingView.of, findings)),
            next_cursor=_cursor(sheet, verdicts),
        )

    async def _confirmed(
        self,
        query: AuditQuery,
        entries: Sequence[Entry],
        verdicts: Sequence[Verdict],
        numbers: Mapping[int, int],
    ) -> list[Finding]:
        """Of what looks wrong, that which still does at a second look."""
        looks = zip(entries, verdicts, _numbers_of_each(entries, numbers), strict=True)
        suspects = [(entry, verdict.findings, own) for entry, verdict, own in looks if verdict.findings]
        if not suspects:
            return []
        await asyncio.sleep(self._look_again)
        confirmed: list[Finding] = []
        for entry, findings, own in suspects:
            again = await self._ledger.again(entry)
            if again is not None:
                moment = _moment(query, await self._ledger.vitals(self._lock))
                verdict = await asyncio.to_thread(judge, again, moment, own)
                still = {_subject(finding) for finding in verdict.findings}
                confirmed += [finding for finding in findings if _subject(finding) in still]
        return confirmed


def _judged(entries: Sequence[Entry], moment: Moment, numbers: Mapping[int, int]) -> Sequence[Verdict]:
    each = zip(entries, _numbers_of_each(entries, numbers), strict=True)
    return [judge(entry, moment, own) for entry, own in each]


def _numbers_of_each(entries: Sequence[Entry], numbers: Mapping[int, int]) -> Sequence[Mapping[int, int]]:
    """They are of the first entry: the sheet before ended in its middle."""
    return [numbers if place == 0 else {} for place in range(len(entries))]


def _moment(query: AuditQuery, vitals: Vitals) -> Moment:
    return Moment(vitals.now, query.patience, vitals.alive_since, vitals.alive_until)


def _subject(finding: Finding) -> tuple[object, ...]:
    """What it is about, whatever the words: times and counts in them may differ from look to look."""
    return finding.code, finding.job_id, finding.instant, finding.task_id


def _total(verdicts: Sequence[Verdict]) -> Tally:
    total = Tally()
    for verdict in verdicts:
        total.add(verdict.tally)
    return total


def _unreadable(job_id: str, ident: str) -> Finding:
    return Finding(Code.UNREADABLE, job_id, f"the document {ident} does not say what it should")


# --- cursors ------------------------------------------------------------------------------------------------


class _Cursor(BaseModel):
    """A place, as clients carry it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    job: str
    since: Instant | None = None
    numbers: dict[int, int] = {}


def _cursor(sheet: Sheet, verdicts: Sequence[Verdict]) -> str | None:
    """The cursor behind this sheet. When it ends in the middle of a job, the numbers go on."""
    following = sheet.following
    if following is None:
        return None
    if following.since is not None and verdicts:
        following = replace(following, numbers=verdicts[-1].numbers)
    cursor = _Cursor(job=following.job_id, since=following.since, numbers=dict(following.numbers))
    return base64.urlsafe_b64encode(cursor.model_dump_json(exclude_defaults=True).encode()).decode()


def _place(cursor: str) -> Place:
    try:
        read = _Cursor.model_validate_json(base64.urlsafe_b64decode(cursor))
    except (binascii.Error, ValidationError, ValueError):
        raise InvalidInput.at(
            "cursor", "not a cursor of an audit: pass next_cursor of the page before, as it is"
        ) from None
    return Place(read.job, read.since, read.numbers)
