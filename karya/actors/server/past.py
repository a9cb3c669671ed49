"""What was done to a job and what was skipped of it, as clients are told."""

from collections.abc import Iterator

import orjson

from karya.core.job import Job
from karya.core.ports.lifecycle import ChangeKind, HistoryPage, Skipped
from karya.core.views import ChangeView, SkipView, VersionsView


def versions_view(job: Job, page: HistoryPage) -> VersionsView:
    """A page of the history of a job."""
    return VersionsView(
        changes=tuple(_told(job, page)),
        skipped=tuple(map(_skip_view, page.skipped)),
        next_cursor=page.next_cursor,
    )


def _told(job: Job, page: HistoryPage) -> Iterator[ChangeView]:
    """An entry of the history keeps what was written before it; clients are told what was written by it."""
    spec = dict(job.spec()) if page.written is None else orjson.loads(page.written)
    for change in page.changes:
        is_update = change.kind is ChangeKind.UPDATED
        yield ChangeView(
            at=change.at, kind=change.kind.value, version=change.version, spec=spec if is_update else None
        )
        if change.before is not None:
            spec = orjson.loads(change.before)
    if page.from_the_start:
        yield ChangeView(at=job.created_at, kind="submitted", version=1, spec=spec)


def _skip_view(skipped: Skipped) -> SkipView:
    run = skipped.range
    return SkipView(first=run.first, last=run.last, count=run.count, reason=run.reason, at=skipped.at)
