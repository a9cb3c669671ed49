"""When retention looks at a job: `forget_at`, a field of the document alone, which few jobs have.

The id of a job says when it was made. A job of the default retention without a further occurrence is found
by it, once, when it is as old as the first history that may go (`GROWN_OLD`): most have ended soon after they
were made, and none of them has cost a write for it, nor an entry of an index (decision 0089). A time of their
own have:

- from the start: recurring jobs, and those whose history is to be kept for other times;
- when they end: those that are about as old. Their age may have been passed before they were stored: a
  chained job has the id of the instant that its parent ran for, however late that was;
- from a look on: those of which there is something left that may go later.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from karya.core.expiry import shortest
from karya.core.ids import id_floor
from karya.core.job import Job
from karya.core.policies import DEFAULT_RETENTION
from karya.store.client import Document

FORGET_AT = "forget_at"
GROWN_OLD = shortest(DEFAULT_RETENTION) + timedelta(hours=1)
"""At this age a job is found by its id. The hour is for those that took a while: they have ended long enough
ago, too, and need no second look for their tasks."""

_SURELY_YOUNG = shortest(DEFAULT_RETENTION) - timedelta(days=1)
"""What is younger when it ends will still be found by its id, however much the clocks differ."""

_AGAIN = timedelta(minutes=1)
"""Behind all that an operation may take that somebody waits for."""


def noted(document: Document, job: Job) -> Document:
    """The document of a new job, with its time if it has one from the start."""
    if not job.cursor.exhausted:
        document[FORGET_AT] = job.created_at + shortest(job.retention)
    elif "retention" in document:
        document[FORGET_AT] = max(job.created_at, job.cursor.at) + shortest(job.retention)
    return document


def by_age(job_ids: Sequence[str], now: datetime) -> Sequence[tuple[Sequence[str], Document]]:
    """The jobs that end now, with what is to be written for it beside their end: mostly nothing."""
    bound = id_floor(now - _SURELY_YOUNG)
    if min(job_ids) > bound:
        return [(job_ids, {})]
    old = [ident for ident in job_ids if ident <= bound]
    young = [ident for ident in job_ids if ident > bound]
    return [(ids, at_the_end(ids[0], now)) for ids in (young, old) if ids]


def at_the_end(job_id: str, now: datetime) -> Document:
    """What is to be written when this job ends now."""
    if job_id > id_floor(now - _SURELY_YOUNG):
        return {}
    return {"$min": {FORGET_AT: now + shortest(DEFAULT_RETENTION)}}


def not_later(now: datetime) -> Document:
    """Jobs that have no time behind `now`: somebody who knows of something has given them another one."""
    return {"$nor": [{FORGET_AT: {"$gt": now}}]}


def looked_at_again(now: datetime) -> tuple[Document, Document]:
    """The filter and the update by which a job gets its next look, because a dead letter of it is about to
    become something else. Written before that, and meant for after it: a look between the two may find that
    all of the job stays for ever."""
    return not_later(now + _AGAIN / 2), {"$set": {FORGET_AT: now + _AGAIN}}
