"""The server, as the gateway sees it."""

from typing import Protocol

from karya.core.action import Action
from karya.core.job import JobSpec, JobState
from karya.core.user import User, UserSpec
from karya.core.views import JobPage, JobView, Readiness, SummaryView, TaskPage


class JobService(Protocol):
    """Everything a client can ask for. Raises InvalidInput, NotFound, Conflict and Unavailable."""

    spec_type: type[JobSpec[Action]]
    """The model of a job for the connectors that are installed here."""

    async def submit(self, spec: JobSpec[Action]) -> JobView:
        """Stores the job with its first task; when this returns, both are durable (I1)."""

    async def get(self, job_id: str) -> JobView:
        """One job."""

    async def list(
        self, *, user_id: str | None, status: JobState | None, cursor: str | None, limit: int
    ) -> JobPage:
        """A page of jobs, the newest first."""

    async def tasks(self, job_id: str, *, cursor: str | None, limit: int) -> TaskPage:
        """A page of the tasks of a job, the latest instant first."""

    async def summary(self, job_id: str) -> SummaryView:
        """A job with its latest tasks, counts and errors."""

    async def cancel(self, job_id: str) -> JobView:
        """Cancels a job; when this returns, no further attempt of it starts (I4)."""

    async def add_user(self, spec: UserSpec) -> User:
        """Makes a user."""

    async def readiness(self) -> Readiness:
        """Whether MongoDB, the scheduler and at least one worker answer."""

    async def metrics(self) -> bytes:
        """The metrics of every actor as Prometheus text."""
