"""The next version of a job that is stored; what becomes of its occurrences is told by `remaking`."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from karya.core.action import Action
from karya.core.errors import InvalidInput, Outdated
from karya.core.job import Job, written
from karya.core.spec import JobSpec

_WAYS_TO_WORK = ("action", "steps")


def merged(job: Job, changes: Mapping[str, Any]) -> dict[str, Any]:
    """What the client wrote of the job, with the top-level fields of `changes` in place of its own. Giving
    `action` takes the steps away, and the other way round. Raises InvalidInput for another owner."""
    if not changes:
        raise InvalidInput.at("", "nothing to change: give at least one field of the job")
    if changes.get("user_id", job.user_id) != job.user_id:
        raise InvalidInput.at("user_id", "a job cannot change hands: submit a new one and cancel this one")
    wire = dict(job.spec())
    if changes.keys() & set(_WAYS_TO_WORK):
        for field in _WAYS_TO_WORK:
            wire.pop(field, None)
    return {**wire, **changes}


def check_version(job: Job, seen: int | None) -> None:
    """Raises Outdated when the job is another version than the one that the caller has seen; None is any."""
    if seen is not None and seen != job.version:
        raise Outdated(
            f"job {job.id} is at version {job.version}, not {seen}: somebody changed it; look again"
        )


def revised(job: Job, spec: JobSpec[Action], now: datetime) -> Job:
    """The next version of the job. Raises InvalidInput as `new_job` does."""
    return job.model_copy(update={**written(spec), "version": job.version + 1, "updated_at": now})
