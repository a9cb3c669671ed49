"""How often and how patiently a failing task is tried again."""

import hashlib
from datetime import timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from karya.core.outcome import Failure
from karya.core.times import Duration

LONGEST_WAIT = timedelta(days=7)


class Backoff(StrEnum):
    """How the wait grows from attempt to attempt."""

    CONSTANT = "constant"
    LINEAR = "linear"
    EXPONENTIAL = "exponential"


class RetryPolicy(BaseModel):
    """The attempts and the waits between them; `max_attempts` includes the first.

    Only failures whose code matches one of the patterns in `retry_on` are tried again (`*` and `?` as
    in file names: `timeout`, `connection`, `http.5??`). The wait after attempt n is `delay` times 1, n
    or 2^(n-1), growing up to `max_delay` but never below `delay` itself, plus up to `jitter` of that.
    Jitter only adds, so a retry is never earlier than its backoff (I6).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_attempts: Annotated[int, Field(ge=1, le=1000, strict=True)] = 4
    backoff: Backoff = Backoff.EXPONENTIAL
    delay: Annotated[Duration, Field(ge=timedelta(0), le=timedelta(days=1))] = timedelta(seconds=1)
    max_delay: Annotated[Duration, Field(ge=timedelta(0), le=LONGEST_WAIT)] = timedelta(minutes=5)
    jitter: Annotated[float, Field(ge=0, le=1)] = 0.1
    retry_on: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=64)], ...], Field(max_length=20)
    ] = ("*",)

    def wait_after(self, attempt: int, seed: str) -> timedelta:
        """The wait after this attempt (1 is the first); the same seed always waits the same."""
        capped = max(self.delay, min(self.delay * self._factor(attempt), self.max_delay))
        return capped + capped * self.jitter * _fraction(f"{seed}/{attempt}")

    @property
    def is_kept_from_growing(self) -> bool:
        """Whether its waits would grow, and `max_delay` has all of them stay at `delay`."""
        grows = self.backoff is not Backoff.CONSTANT and self.max_attempts > 2 and self.delay > timedelta(0)
        return grows and self.max_delay <= self.delay

    def covers(self, failure: Failure) -> bool:
        """Whether failures of this kind are worth another attempt."""
        return any(fnmatchcase(failure.code, pattern) for pattern in self.retry_on)

    def _factor(self, attempt: int) -> int:
        match self.backoff:
            case Backoff.CONSTANT:
                return 1
            case Backoff.LINEAR:
                return attempt
            case Backoff.EXPONENTIAL:
                return 1 << min(attempt - 1, 20)


DEFAULT_RETRY = RetryPolicy()
"""What holds where nobody says otherwise; one object, so that it is told from others at no cost."""


@lru_cache(1024)
def stored_retry(text: str) -> RetryPolicy:
    """The policy of its JSON text: many jobs have the same. Raises ValueError for what is none."""
    return RetryPolicy.model_validate_json(text)


def retry_wait(policy: RetryPolicy, failure: Failure, attempt: int, seed: str) -> timedelta | None:
    """How long to wait before the next attempt, or None when this failure was the last word.

    A target may ask for more patience than the policy has (`retry_after`), up to a week.
    """
    if failure.permanent or attempt >= policy.max_attempts or not policy.covers(failure):
        return None
    asked = min(failure.retry_after or timedelta(0), LONGEST_WAIT)
    return max(policy.wait_after(attempt, seed), asked)


def _fraction(seed: str) -> float:
    return int.from_bytes(hashlib.blake2b(seed.encode(), digest_size=4).digest()) / 2**32
