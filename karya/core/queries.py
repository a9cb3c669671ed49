"""What lists can be narrowed down by."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from karya.core.job import JobState
from karya.core.text import printable
from karya.core.times import Instant

SearchText = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(printable)]
"""What is looked for in a text, in any case."""


class _Query(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class JobQuery(_Query):
    """Which jobs: all that is given must hold. `text` is looked for in the description, in any case."""

    user_id: str | None = None
    status: JobState | None = None
    tag: str | None = None
    created_after: Instant | None = None
    """At or after this instant."""
    created_before: Instant | None = None
    """Before this instant."""
    text: SearchText | None = None


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
