"""When a job runs: pure schedules that answer "which instant comes next", never reading a clock.

Instants come from the schedule and its anchor, never from "now", so a late run does not shift the
next one (I5: no drift, no gap, no double).
"""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from karya.core.times import LATEST, Duration, Instant, ceil_millis

SHORTEST_INTERVAL = timedelta(milliseconds=100)
LONGEST_INTERVAL = timedelta(days=36_525)


class _Schedule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Once(_Schedule):
    """One run: at an instant, or a duration after the submission. With neither, now."""

    kind: Literal["once"] = "once"
    at: Instant | None = None
    after: Annotated[Duration, Field(ge=timedelta(0))] | None = None

    @model_validator(mode="after")
    def _one_way_to_say_it(self) -> "Once":
        if self.at is not None and self.after is not None:
            raise ValueError("give either at or after, not both")
        return self

    def anchor(self, created_at: datetime) -> datetime:
        """The instant itself; one that is already past is moved to the submission, since it runs now."""
        at = self.at or ceil_millis(created_at + (self.after or timedelta(0)))
        return max(at, created_at)

    def first(self, created_at: datetime) -> datetime | None:
        """The only occurrence."""
        return self.anchor(created_at)

    def next_after(self, anchor: datetime, instant: datetime, seen: int) -> datetime | None:  # noqa: ARG002
        """Nothing follows."""
        return None

    def passed(self, instant: datetime, until: datetime) -> int:  # noqa: ARG002
        """No further instant passes."""
        return 0


class Interval(_Schedule):
    """A run every so often: instants are anchor + n x every, n >= 1, before `end_at` (exclusive).

    The anchor is `start_at`, or the submission. An anchor in the past brings no back-fill: the first
    occurrence is the first instant after the submission. `max_runs` counts scheduled instants.
    """

    kind: Literal["interval"] = "interval"
    every: Annotated[Duration, Field(ge=SHORTEST_INTERVAL, le=LONGEST_INTERVAL)]
    start_at: Instant | None = None
    end_at: Instant | None = None
    max_runs: Annotated[int, Field(ge=1, le=2**53, strict=True)] | None = None

    def anchor(self, created_at: datetime) -> datetime:
        """Where the counting starts: `start_at`, or the submission."""
        return self.start_at or created_at

    def first(self, created_at: datetime) -> datetime | None:
        """The first instant after the submission, or None when the end leaves room for none."""
        return self.next_after(self.anchor(created_at), created_at, 0)

    def next_after(self, anchor: datetime, instant: datetime, seen: int) -> datetime | None:
        """The first instant strictly after `instant`, given that `seen` instants came before it."""
        if self.max_runs is not None and seen >= self.max_runs:
            return None
        steps = max((instant - anchor) // self.every, 0) + 1
        if steps * self.every >= LATEST - anchor:
            return None
        following = anchor + steps * self.every
        return following if self.end_at is None or following < self.end_at else None

    def passed(self, instant: datetime, until: datetime) -> int:
        """How many instants lie behind this instant of the schedule, up to and including `until`."""
        return max((until - instant) // self.every, 0)


Schedule = Annotated[Once | Interval, Field(discriminator="kind")]
"""Any schedule, told apart by its `kind`."""
