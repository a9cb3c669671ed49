"""What every schedule has in common: its interface, jitter, and the bounds of those that recur.

Instants come from the schedule and its anchor, never from "now", so a late run does not shift the
next one (I5: no drift, no gap, no double).
"""

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from hashlib import blake2b
from itertools import islice
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from karya.core.schedule.exclusion import Exclude, Excluded
from karya.core.times import LATEST, MILLISECOND, Duration, Instant, format_instant, to_millis

LONGEST_JITTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Passed:
    """A run of instants: how many there are, and the last of them."""

    count: int
    last: datetime | None


class BaseSchedule(BaseModel):
    """One kind of schedule. All instants are UTC in whole milliseconds; nothing here reads a clock."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    jitter: Annotated[Duration, Field(le=LONGEST_JITTER)] = timedelta(0)

    @abstractmethod
    def anchor(self, created_at: datetime) -> datetime:
        """Where the counting starts, for a job submitted at `created_at`. It never changes afterwards."""

    @abstractmethod
    def first(self, created_at: datetime) -> datetime | None:
        """The first instant of a job submitted at `created_at`; None when there is none at all."""

    @abstractmethod
    def next_after(self, anchor: datetime, instant: datetime, seen: int) -> datetime | None:
        """The first instant strictly after `instant`, given that `seen` instants came before it."""

    @abstractmethod
    def run_past(self, anchor: datetime, instant: datetime, until: datetime, most: int) -> Passed:
        """The instants strictly after `instant` up to and including `until`, the first `most` of them.

        `max_runs` is the caller's to keep: it asks for no more than are left.
        """

    @abstractmethod
    def preview(self, created_at: datetime, count: int) -> list[datetime]:
        """The first `count` instants of a job submitted at `created_at`, fewer when there are fewer."""

    @abstractmethod
    def is_over(self, now: datetime) -> bool:
        """Whether the end that was written, or the one instant, has passed: nothing of it is to come."""

    def why_never(self, created_at: datetime) -> tuple[str, str]:  # noqa: ARG002
        """For a job whose `first` is None: which field leaves no room for a first instant, and how."""
        return "", "has no instant"

    def due_at(self, seed: str, instant: datetime) -> datetime:
        """The instant delayed by its jitter: at least zero, less than `jitter`, in whole milliseconds.

        The same seed and instant always give the same delay; other seeds give others.
        """
        spread = self.jitter // MILLISECOND
        if spread == 0:
            return instant
        digest = blake2b(f"{seed}:{to_millis(instant)}".encode(), digest_size=8).digest()
        return instant + int.from_bytes(digest) % spread * MILLISECOND


class Recurring(BaseSchedule):
    """A schedule with many instants, none before the submission and none at or after `end_at`.

    What `exclude` names is no instant at all: `max_runs` counts the others. A start in the past brings
    no back-fill: the first instant is the first one after the submission.
    """

    start_at: Instant | None = None
    end_at: Instant | None = None
    max_runs: Annotated[int, Field(ge=1, le=2**53, strict=True)] | None = None
    exclude: Exclude = ()

    @property
    @abstractmethod
    def zone(self) -> tzinfo:
        """The timezone in which excluded dates are days."""

    @abstractmethod
    def every_after(self, anchor: datetime, instant: datetime) -> Iterable[datetime]:
        """The rule itself: its instants strictly after `instant` in ascending order, exclusions included."""

    def anchor(self, created_at: datetime) -> datetime:
        """`start_at`, or the submission."""
        return self.start_at or created_at

    def first(self, created_at: datetime) -> datetime | None:
        """The first instant after the submission, or None when the bounds leave room for none."""
        return self.next_after(self.anchor(created_at), created_at, 0)

    def next_after(self, anchor: datetime, instant: datetime, seen: int) -> datetime | None:
        """The first instant strictly after `instant`, given that `seen` instants came before it."""
        if self.max_runs is not None and seen >= self.max_runs:
            return None
        return next(self.instants(anchor, instant), None)

    def is_over(self, now: datetime) -> bool:
        """Whether `end_at` has come."""
        return self.end_at is not None and self.end_at <= now

    def run_past(self, anchor: datetime, instant: datetime, until: datetime, most: int) -> Passed:
        """The instants strictly after `instant` up to and including `until`, found one by one."""
        count, last = 0, None
        for at in islice(self.instants(anchor, instant), max(most, 0)):
            if at > until:
                break
            count, last = count + 1, at
        return Passed(count, last)

    def preview(self, created_at: datetime, count: int) -> list[datetime]:
        """The first `count` instants after the submission, no more than `max_runs`."""
        most = count if self.max_runs is None else min(count, self.max_runs)
        return list(islice(self.instants(self.anchor(created_at), created_at), max(most, 0)))

    def instants(self, anchor: datetime, instant: datetime) -> Iterator[datetime]:
        """The instants strictly after `instant`, without what is excluded, before the end."""
        excluded = Excluded(self.exclude, self.zone)
        end = self.end_at or LATEST
        resume: datetime | None = instant
        while resume is not None:
            start, resume = resume, None
            for at in self.every_after(anchor, start):
                if at >= end:
                    return
                resume = excluded.ends(at)
                if resume is None:
                    yield at
                else:  # a whole day may hold 864,000 instants: go on behind it
                    break

    def why_never(self, created_at: datetime) -> tuple[str, str]:
        """The bound without which there would be a first instant."""
        for field in ("exclude", "end_at"):
            free = self.model_copy(update={field: () if field == "exclude" else None})
            if (first := free.first(created_at)) is not None:
                return (
                    field,
                    f"leaves no room for the first run, at {format_instant(first)}",
                )
        return "start_at", "leaves no room for a run before the year 9000"
