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
