"""Limits by key, across the whole cluster: how many tasks run at once, and how many start in a while.

Starts are remembered in hundredths of the period, each as if it had come at the end of its hundredth. So in
no stretch of that length more start than allowed, what is stored is bounded, and at worst the next one waits
a hundredth too long.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from karya.core.text import one_line
from karya.core.times import EPOCH, MILLISECOND, Duration

MOST_AT_ONCE = 10_000
MOST_STARTS = 1_000_000
_PARTS = 100

LimitKey = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(one_line)]


class Concurrency(BaseModel):
    """Of all tasks with this key, no more than `limit` run at once. A key belongs to the owner of the job."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: LimitKey
    limit: Annotated[int, Field(ge=1, le=MOST_AT_ONCE, strict=True)]


class Rate(BaseModel):
    """Of all attempts with this key, no more than `limit` start in any stretch of time of length `per`. A key
    belongs to the owner of the job; with another `per` it is another key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: LimitKey
    limit: Annotated[int, Field(ge=1, le=MOST_STARTS, strict=True)]
    per: Annotated[Duration, Field(ge=timedelta(milliseconds=100), le=timedelta(days=31))]


class Limits(BaseModel):
    """The limits of a task; at least one of them is there."""

    model_config = ConfigDict(frozen=True)

    owner: str | None = None
    concurrency: Concurrency | None = None
    rate: Rate | None = None

    @property
    def seat(self) -> str | None:
        """The id of the concurrency limit, which no other owner can have."""
        if self.concurrency is None:
            return None
        return orjson.dumps(["seat", self.owner, self.concurrency.key]).decode()

    @property
    def window(self) -> str | None:
        """The id of the rate limit, which no other owner can have."""
        if self.rate is None:
            return None
        return orjson.dumps(["window", self.owner, self.rate.key, self.rate.per // MILLISECOND]).decode()

    @property
    def allowed(self) -> Mapping[str, int]:
        """How many each of them allows, by its id; all who write several do so in this order."""
        parts = ((self.seat, self.concurrency), (self.window, self.rate))
        return {ident: part.limit for ident, part in parts if ident is not None and part is not None}


def limits_of(owner: str | None, concurrency: Concurrency | None, rate: Rate | None) -> Limits | None:
    """The limits of the tasks of a job; None where it has none."""
    if concurrency is None and rate is None:
        return None
    return Limits(owner=owner, concurrency=concurrency, rate=rate)


def window_length(window: str) -> timedelta:
    """The `per` of the rate limit with this id."""
    millis: int = orjson.loads(window)[3]
    return millis * MILLISECOND


@dataclass(frozen=True, slots=True)
class Starts:
    """So many attempts have started in the hundredth of the period that ends then."""

    at: datetime
    count: int


def counted(starts: Iterable[Starts], per: timedelta, now: datetime) -> int:
    """How many starts the present stretch holds."""
    return sum(one.count for one in starts if one.at + per > now)


def with_more(starts: Sequence[Starts], per: timedelta, now: datetime, count: int) -> list[Starts]:
    """The starts that still count, and `count` more that come now."""
    kept = [one for one in starts if one.at + per > now]
    if count == 0:
        return kept
    part = max(per // _PARTS // MILLISECOND * MILLISECOND, MILLISECOND)
    ends_at = EPOCH - (EPOCH - now) // part * part
    if kept and kept[-1].at >= ends_at:
        return [*kept[:-1], Starts(kept[-1].at, kept[-1].count + count)]
    return [*kept, Starts(ends_at, count)]


def free_at(starts: Iterable[Starts], per: timedelta, limit: int, now: datetime) -> datetime:
    """When the next one may start, if nobody else does; the starts are in their order."""
    later = [one for one in starts if one.at + per > now]
    left = sum(one.count for one in later) - limit
    at = now
    for one in later:
        if left < 0:
            break
        left -= one.count
        at = one.at + per
    return at
