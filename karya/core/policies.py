"""What a job wants done when its instants come too late, too fast, or have been over for long."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from karya.core.times import Duration

_Positive = Annotated[Duration, Field(gt=timedelta(0))]

MISFIRE_GRACE = timedelta(seconds=1)
"""The shortest grace that a job can ask for."""


class _Policy(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MisfirePolicy(StrEnum):
    """What becomes of instants that the scheduler sees too late."""

    ALL = "all"
    LATEST = "latest"
    SKIP = "skip"


class Misfire(_Policy):
    """An instant is misfired when the scheduler first sees it later than `grace`; a backlog in the workers
    is none.

    `all` runs what lies within `window` (null: everything), at most `at_once` at a time; `latest` runs
    the newest missed instant only; `skip` runs none. What is skipped is kept with the reason. A one-off job
    knows no window: it runs however late, unless the policy is `skip`.
    """

    policy: MisfirePolicy = MisfirePolicy.ALL
    grace: Annotated[Duration, Field(ge=MISFIRE_GRACE, le=timedelta(days=1))] = timedelta(minutes=1)
    window: _Positive | None = timedelta(hours=1)
    at_once: Annotated[int, Field(ge=1, le=100, strict=True)] = 10


class Overlap(StrEnum):
    """What an occurrence does while an earlier one of its job is still under way.

    `skip` drops it; `queue` keeps the earliest one waiting and drops later ones; `cancel_running`
    stops the earlier one and starts when it has ended.
    """

    ALLOW = "allow"
    SKIP = "skip"
    QUEUE = "queue"
    CANCEL_RUNNING = "cancel_running"


class Retention(_Policy):
    """How long history is kept, counted from when the whole occurrence and its hooks are done: `succeeded`
    for occurrences all of whose steps succeeded, `other` for the rest, `dead` for those with a dead
    letter (null: for ever)."""

    succeeded: Duration = timedelta(days=7)
    other: Duration = timedelta(days=30)
    dead: Duration | None = None


DEFAULT_MISFIRE = Misfire()
DEFAULT_RETENTION = Retention()
"""What holds where nobody says otherwise; objects that are told from others at no cost."""
