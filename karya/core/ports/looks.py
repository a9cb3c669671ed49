"""What is read at one look: of one moment as nearly as can be, and with as few waits as possible."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from karya.core.errorlog import ErrorLog
from karya.core.job import Job
from karya.core.ports.lifecycle import HistoryPage
from karya.core.ports.store import Page
from karya.core.queries import Paging
from karya.core.task import Task


@dataclass(frozen=True, slots=True)
class JobLook:
    """A job and what is stored about it."""

    job: Job
    tasks: Page[Task]
    """As `TaskRepository.of_job` has them."""
    open_tasks: Page[Task]
    """As `TaskRepository.open_of_job` has them."""
    taken: Mapping[str, int]
    """How much is taken of the limits that these wait for, by the ids of the limits."""
    errors: Page[ErrorLog]
    """As `ErrorLogRepository.of_job` has them."""
    dead: int
    """How many of its tasks are dead letters."""
    past: HistoryPage | None
    """None where it was not asked for."""


@dataclass(frozen=True, slots=True)
class TaskLook:
    """A task and what is stored about it."""

    task: Task
    errors: Page[ErrorLog]
    """As `ErrorLogRepository.of_task` has them."""
    job: Job | None
    taken: Mapping[str, int]
    """How much is taken of the limits that it waits for, by the ids of the limits."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of a job is looked at: a page of each list, so many dead letters, and of its history where a
    page of that is wanted."""

    tasks: Paging
    open_tasks: Paging
    errors: Paging
    history: Paging | None
    dead: int


class Looks(Protocol):
    """What people look at."""

    async def at_job(self, job_id: str, extent: Extent) -> JobLook | None:
        """A job; None when there is none. Raises InvalidInput for a foreign cursor."""

    async def at_task(self, task_id: str, errors: Paging) -> TaskLook | None:
        """A task with this page of its errors; None when there is none. Raises as `at_job` does."""
