"""One run."""

from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from karya.core.schedule.base import BaseSchedule, Passed
from karya.core.times import Duration, Instant, ceil_millis


class Once(BaseSchedule):
    """One run: at an instant, or a duration after the submission. With neither, now."""

    kind: Literal["once"] = "once"
    at: Instant | None = None
    after: Annotated[Duration, Field(ge=timedelta(0))] | None = None
    max_runs: ClassVar[int] = 1

    @model_validator(mode="after")
    def _one_way_to_say_it(self) -> "Once":
        if self.at is not None and self.after is not None:
            raise ValueError("give either at or after, not both")
        return self

    def anchor(self, created_at: datetime) -> datetime:
        """The instant itself; one that is already past is moved to the submission, since it runs now."""
        at = self.at or ceil_millis(created_at + (self.after or timedelta(0)))
        return max(at, created_at)

    def first(self, created_at: datetime) -> datetime:
        """The only occurrence."""
        return self.anchor(created_at)

    def is_over(self, now: datetime) -> bool:
        """Whether `at` has passed."""
        return self.at is not None and self.at < now

    def next_after(self, anchor: datetime, instant: datetime, seen: int) -> datetime | None:  # noqa: ARG002
        """Nothing follows."""
        return None

    def run_past(
        self,
        anchor: datetime,  # noqa: ARG002
        instant: datetime,  # noqa: ARG002
        until: datetime,  # noqa: ARG002
        most: int,  # noqa: ARG002
    ) -> Passed:
        """No further instant passes."""
        return Passed(0, None)

    def preview(self, created_at: datetime, count: int) -> list[datetime]:
        """The only instant."""
        return [self.anchor(created_at)][: max(count, 0)]
