"""What an attempt came to: outcomes are values, not exceptions."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any


@dataclass(frozen=True, slots=True)
class Success:
    """The action did what it should; `result` is JSON-serialisable and kept with the task."""

    result: Any = None


@dataclass(frozen=True, slots=True)
class Failure:
    """The attempt failed. A permanent failure is never retried; `retry_after` raises the backoff. `code` is a
    word for the retry policy to tell failures apart by, such as `timeout` or `http.503`."""

    error: str
    permanent: bool = False
    code: str = "error"
    retry_after: timedelta | None = None
    result: Any = None


JOB_CANCELLED = "the job was cancelled"


@dataclass(frozen=True, slots=True)
class Stopped:
    """The action was stopped, or never started, because its task was cancelled."""

    reason: str = JOB_CANCELLED


Outcome = Success | Failure | Stopped
"""What a connector returns (`Success`, `Failure`), or the worker decides (`Stopped`)."""

LEASE_EXPIRED = Failure(
    "the lease expired: the worker died or was cut off in mid-attempt", code="lease_expired"
)
"""The outcome that the reaper writes for a holder that can no longer write its own."""
