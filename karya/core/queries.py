"""What lists can be narrowed down by."""

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from karya.core.job import JobState
from karya.core.text import printable
from karya.core.times import Duration, Instant

SearchText = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(printable)]
"""What is looked for in a text, in any case."""


class _Query(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Paging(_Query):
    """Which page of a list: so many entries, behind a cursor or from its beginning."""

    limit: Annotated[int, Field(ge=1, le=100, description="How many entries at most.")] = 20
    cursor: Annotated[str, Field(max_length=500, description="next_cursor of the page before.")] | None = None


class Instants(_Query):
    """How many instants of a schedule, which has no end that could be paged to."""

    limit: Annotated[int, Field(ge=1, le=1000, description="How many instants at most.")] = 10


class JobQuery(_Query):
    """Which jobs: all that is given must hold. `text` is looked for in the description, in any case."""

    user_id: str | None = None
    status: JobState | None = None
    tag: str | None = None
    name: str | None = None
    set: str | None = None
    created_after: Instant | None = None
    """At or after this instant."""
    created_before: Instant | None = None
    """Before this instant."""
    text: SearchText | None = None


class AuditQuery(_Query):
    """Which part of the ledger: all that is given must hold."""

    user_id: str | None = None
    job_id: str | None = None
    since: Instant | None = None
    """Instants at or after this one."""
    until: Instant | None = None
    """Instants before this one."""
    patience: Annotated[Duration, Field(gt=timedelta(0))] = timedelta(minutes=5)
    """How long a running cluster may take over what it is to do by itself."""

    @model_validator(mode="after")
    def _holds_something(self) -> "AuditQuery":
        if self.since is not None and self.until is not None and self.until <= self.since:
            raise ValueError("the range ends before it begins: 'to' must be later than 'from'")
        return self


class LetterQuery(_Query):
    """Which dead letters: all that is given must hold."""

    user_id: str | None = None
    job_id: str | None = None
    step: str | None = None
    died_after: Instant | None = None
    """At or after this instant."""
    died_before: Instant | None = None
    """Before this instant."""
    text: SearchText | None = None
    """Looked for in the error, in any case."""
