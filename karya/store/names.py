"""The collections, and the pieces of queries that more than one file needs."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from karya.core.job import LIVE_STATES
from karya.core.ports.lifecycle import ChangeKind
from karya.core.task import OPEN_STATES, TaskKind
from karya.core.times import MILLISECOND

JOBS = "jobs"
TASKS = "tasks"
ERROR_LOGS = "error_logs"
USERS = "users"
LOCKS = "locks"
SKIPS = "skips"
JOB_CHANGES = "job_changes"
TOKENS = "tokens"
REQUESTS = "requests"
LIMITS = "limits"
PLACES = "places"

OPEN = sorted(state.value for state in OPEN_STATES)
STEP = TaskKind.STEP.value
OPEN_STEP = {"status": {"$in": OPEN}, "kind": STEP}
"""Filters: the steps that have not ended, without the hooks."""
LIVE = sorted(state.value for state in LIVE_STATES)
STEERED = sorted(kind.value for kind in ChangeKind if kind is not ChangeKind.TRIGGERED)
"""What is done to a job seldom enough to be read as a whole."""

NAMED = "named"
"""The index of jobs by owner and name: unique among live ones."""
BY_ID = "_id_"
"""The index to use wherever ids are given: left alone, the planner may take one that looks good without
a backlog, and read the whole backlog with it."""
OPEN_OF_JOB = "open_of_job"
"""The index of the open tasks of a job, the earliest instant first."""
SLOTTED = "slotted"
"""The index of the open tasks of one occurrence, for those that need the slot of their job."""
ERRORS_OF_TASK = "latest_of_task"
"""The index of the error logs of a task, the latest first."""
PARKED = "parked_by_limit"
"""The index of those that wait for a limit, in the order in which they are let go."""

ServerNow = Callable[[], Any]
"""Gives the aggregation expression for the database's present time; tests give a fixed instant."""


def server_now() -> Any:
    """The database's own clock."""
    return "$$NOW"


def later(now: Any, by: timedelta) -> Any:
    """The expression for `now` plus a duration."""
    return {"$add": [now, by // MILLISECOND]}
