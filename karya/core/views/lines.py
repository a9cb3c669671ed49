"""Lines of lists that people read: of what is stored, only what they show."""

from dataclasses import dataclass
from datetime import datetime

from karya.core.views.jobs import JobView
from karya.core.views.overview import AtLeast


@dataclass(frozen=True, slots=True)
class JobLine:
    """A job, and how many dead letters it has."""

    job: JobView
    dead: AtLeast


@dataclass(frozen=True, slots=True)
class LetterLine:
    """A dead letter."""

    id: str
    job_id: str
    title: str
    """The description of its job; empty where that has none, or is gone."""
    step: str
    instant: datetime
    finished_at: datetime
    error: str
    attempts: int


@dataclass(frozen=True, slots=True)
class LetterGroup:
    """Dead letters of one connector that died of the same."""

    error: str
    """What their errors begin with."""
    connector: str
    count: int
    latest: datetime
    """When the last of them died, and which task that is."""
    task_id: str


@dataclass(frozen=True, slots=True)
class LetterGroups:
    """Dead letters by what they died of, the most frequent first. `looked` says at how many was looked,
    `left_out` how many further groups there are."""

    groups: tuple[LetterGroup, ...] = ()
    left_out: int = 0
    looked: AtLeast = AtLeast(count=0)  # noqa: RUF009 - it is frozen
