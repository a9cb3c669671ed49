"""What went wrong in one attempt, kept for the person who will ask."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from karya.core.ids import derived_id
from karya.core.times import Instant

MAX_ERROR_CHARACTERS = 4_000
_CUT = " [… cut …] "


class ErrorSource(StrEnum):
    """What failed: an attempt at a step, or at a hook."""

    STEP = "step"
    HOOK = "hook"


class ErrorLog(BaseModel):
    """One failed attempt; its id is derived, so logging it twice keeps one."""

    model_config = ConfigDict(frozen=True)

    id: str
    job_id: str
    task_id: str
    attempt: int
    source: ErrorSource
    error: str
    at: Instant

    @classmethod
    def of(
        cls, job_id: str, task_id: str, attempt: int, token: int, kind: str, error: str, at: datetime
    ) -> "ErrorLog":
        """The log entry of one failed attempt, its text cut to a size that any store takes."""
        return cls(
            id=log_id(task_id, token),
            job_id=job_id,
            task_id=task_id,
            attempt=attempt,
            source=ErrorSource(kind),
            error=shorten(error),
            at=at,
        )


def log_id(task_id: str, token: int) -> str:
    """The id of the entry of the attempt that ran under this token."""
    return derived_id(task_id, str(token))


def shorten(text: str, most: int = MAX_ERROR_CHARACTERS) -> str:
    """The text, cut in the middle when it is longer than `most` characters, and without lone surrogates,
    which no store takes."""
    text = text.encode("utf-8", "replace").decode()
    if len(text) <= most:
        return text
    half = max(most - len(_CUT), 0) // 2
    return text[:half] + _CUT + text[len(text) - half :]
