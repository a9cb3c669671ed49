"""What runs actions."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from karya.core.action import Action, ActionText
from karya.core.outcome import Outcome


@dataclass(frozen=True, slots=True)
class AttemptContext:
    """What an action may know about the attempt that runs it; targets are told of it (idempotency key)."""

    task_id: str
    job_id: str
    attempt: int
    token: int
    instant: datetime


class Connector(Protocol):
    """Runs the actions of one type against the outside world."""

    action_type: type[Action]
    """The model of its actions; the default of its `type` field is the name that jobs use."""

    async def open(self) -> None:
        """Called once in each worker before the first run."""

    async def close(self) -> None:
        """Called once after the last run; must not raise."""

    async def run(self, action: Any, context: AttemptContext) -> Outcome:
        """Runs one attempt and says what it came to, within the action's own time-out.

        Expected failures are returned, never raised; what it does raise is taken as a retryable
        failure. It must stop promptly when it is cancelled.
        """


class ActionRunner(Protocol):
    """Runs any action through the connector of its type."""

    async def run(self, action: ActionText, context: AttemptContext) -> Outcome:
        """As `Connector.run`, but never raises. A type that no connector here runs is a retryable failure,
        since another worker may know it; an action that its model refuses is a permanent one."""
