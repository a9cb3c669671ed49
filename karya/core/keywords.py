"""The keywords of calls: what lists are narrowed down by, and what a job is changed by.

Both clients, the handle and `@karya.task` take them (`**query: Unpack[JobFilter]`), so that type checkers and
editors know each field. They are the fields of the models that check them; a test holds them together.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypedDict

Moment = datetime | str
"""An instant: an aware datetime, or ISO 8601 with an offset."""
Span = timedelta | float | str
"""A length of time: a timedelta, a number of seconds, or ISO 8601."""
Wire = Mapping[str, Any]
"""A part of a job, as its JSON would be."""


class JobFilter(TypedDict, total=False):
    """Which jobs: all that is given must hold. The fields are those of `JobQuery`."""

    user_id: str | None
    """Of this user."""
    status: str | None
    """In this state: ACTIVE, PAUSED, COMPLETED or CANCELLED."""
    tag: str | None
    """With this tag."""
    name: str | None
    """Of this name."""
    set: str | None
    """Applied as this set."""
    created_after: Moment | None
    """Submitted at or after this instant."""
    created_before: Moment | None
    """Submitted before this instant."""
    text: str | None
    """With this in their description, in any case."""


class LetterFilter(TypedDict, total=False):
    """Which dead letters: all that is given must hold. The fields are those of `LetterQuery`."""

    user_id: str | None
    """Of the jobs of this user."""
    job_id: str | None
    """Of this job."""
    step: str | None
    """Of this step."""
    died_after: Moment | None
    """Dead since this instant or later."""
    died_before: Moment | None
    """Dead since before this instant."""
    text: str | None
    """With this in their error, in any case."""


class AuditFilter(TypedDict, total=False):
    """Which part of the ledger: all that is given must hold. The fields are those of `AuditQuery`."""

    user_id: str | None
    """Of the jobs of this user."""
    job_id: str | None
    """Of this job."""
    since: Moment | None
    """Instants at or after this one."""
    until: Moment | None
    """Instants before this one."""
    patience: timedelta | str
    """How long a cluster may take over what it does by itself; PT5M when it is not given."""


class _JobFields(TypedDict, total=False):
    """What changes and options have in common."""

    name: str | None
    """What people call it: unique among the live jobs of its owner."""
    set: str | None
    """The set with which it was declared."""
    description: str
    """A text for people, of up to 1,000 characters."""
    tags: Sequence[str]
    """Up to 20 words to find it by."""
    retry: Wire
    """The retry policy: `max_attempts`, `backoff`, `delay`, `max_delay`, `jitter`, `retry_on`."""
    pool: str
    """Whose workers run it."""
    priority: int
    """0 to 9: of the tasks of one user, the highest start first."""
    hooks: Sequence[Wire]
    """What is done after it, each a `trigger` and an `action`."""
    misfire: Wire
    """What becomes of instants that come too late: `policy`, `grace`, `window`, `at_once`."""
    overlap: str
    """While an earlier occurrence runs: allow, skip, queue or cancel_running."""
    concurrency: Wire | None
    """How many tasks with one `key` run at once: `key`, `limit`."""
    rate: Wire | None
    """How many attempts with one `key` start in a while: `key`, `limit`, `per`."""
    retention: Wire
    """How long its history is kept: `succeeded`, `other`, `dead`."""


class JobChanges(_JobFields, total=False):
    """The fields of a job that are to be other ones; each replaces the one of the job as a whole. A job does
    not change hands: `user_id` is none of them."""

    schedule: Wire
    """When it runs: `kind`, and what belongs to that kind."""
    action: Wire
    """What it does, in place of what it did before, be that steps."""
    steps: Sequence[Wire]
    """What it does in several steps, in place of what it did before."""
    timeout: timedelta | str | None
    """How long an attempt may take."""


class TaskOptions(_JobFields, total=False):
    """The fields of each job that a Python function becomes, and two of the `python` action."""

    user_id: str | None
    """The owner of the job; only admins name somebody else."""
    retries: int | None
    """How often a failed call is tried again, in place of `retry`."""
    timeout: Span | None
    """How long an attempt may take."""
    resources: Wire
    """What Ray sets aside for a call: `num_cpus`, `num_gpus`, `custom`."""
    runtime_env: Wire
    """Ray's runtime environment of a call."""
