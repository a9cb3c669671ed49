"""What a `MemoryService` finds, and the pages of it: the cursor is how many came before."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from karya.core.action import Action
from karya.core.errors import FieldError, InvalidInput
from karya.core.job import Job, new_job
from karya.core.queries import JobQuery, LetterQuery
from karya.core.spec import JobSpec
from karya.core.task import Task
from karya.core.views import OccurrenceView, TaskView

T = TypeVar("T")


def numbered(number: int, spec: JobSpec[Action], created_at: datetime, ident: str) -> Job:
    try:
        return new_job(spec, created_at, ident=ident)
    except InvalidInput as error:
        raise InvalidInput(FieldError(f"{number}.{e.field}", e.message) for e in error.errors) from None


def finds(query: JobQuery, job: Job) -> bool:
    created = (query.created_after, query.created_before)
    return (
        query.user_id in (None, job.user_id)
        and query.status in (None, job.status)
        and query.name in (None, job.name)
        and query.set in (None, job.set)
        and (query.tag is None or query.tag in job.tags)
        and (created[0] is None or created[0] <= job.created_at)
        and (created[1] is None or job.created_at < created[1])
        and (query.text is None or query.text.casefold() in job.description.casefold())
    )


def finds_letter(query: LetterQuery, letter: Task, owner: str | None) -> bool:
    """Whether this dead task, of a job of this owner, is one of those."""
    died = letter.finished_at
    return (
        query.user_id in (None, owner)
        and query.job_id in (None, letter.job_id)
        and query.step in (None, letter.step)
        and (query.died_after is None or (died is not None and query.died_after <= died))
        and (query.died_before is None or (died is not None and died < query.died_before))
        and (query.text is None or query.text.casefold() in (letter.error or "").casefold())
    )


def occurrence_view(tasks: Sequence[Task]) -> OccurrenceView:
    first = tasks[0]
    views = tuple(map(TaskView.of, tasks))
    return OccurrenceView(job_id=first.job_id, cause=first.cause, instant=first.instant, tasks=views)


def latest_first(items: Iterable[T], when: Callable[[T], datetime]) -> list[T]:
    """What is of one instant: what was stored last comes first."""
    return sorted(items, key=when)[::-1]


def page_of(items: Sequence[T], cursor: str | None, limit: int) -> tuple[tuple[T, ...], str | None]:
    if cursor is not None and not cursor.isdecimal():
        raise InvalidInput.at("cursor", "not a cursor that an earlier page gave")
    start = int(cursor or 0)
    end = start + limit
    return tuple(items[start:end]), str(end) if end < len(items) else None
