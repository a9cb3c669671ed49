"""What runs actions."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from karya.core.action import Action, ActionText
from karya.core.clock import wall_clock
from karya.core.outcome import Outcome
from karya.core.trace import Trace


@dataclass(frozen=True, slots=True)
class AttemptContext:
    """What an action may know about the attempt that runs it; targets are told of it (idempotency key)."""

    task_id: str
    job_id: str
    attempt: int
    token: int
    instant: datetime
    event: str | None = None
    """Of a hook: what fired it, a CloudEvent as JSON text."""
    user_id: str | None = None
    """Who owns the job."""
    trace: Trace | None = None
    """The span to tell the target of, and for a job that it submits to belong to; None without traces."""


Submit = Callable[[Mapping[str, Any], AttemptContext], Awaitable[str]]
"""Submits a job, in its wire form, as a child of the attempt's job; returns its id. Raises KaryaError."""


class RunRemote(Protocol):
    """Runs a Python function elsewhere in the cluster."""

    def __call__(
        self, function: str, args: Sequence[Any], kwargs: Mapping[str, Any], options: Mapping[str, Any]
    ) -> Awaitable[Any]:
        """What the function returns. `function` is `module:name`, `options` are those of a Ray task.

        Raises what the function raises; cancelling the wait stops the function.
        """


@dataclass(frozen=True, slots=True)
class Tools:
    """What a worker lends its connectors; None where it has no such thing."""

    submit: Submit | None = None
    run_remote: RunRemote | None = None
    now: Callable[[], datetime] = wall_clock
    """The present instant by the database's clock, whatever the worker's machine believes: what targets are
    told, and what the dates that they name are compared with."""


class Connector(Protocol):
    """Runs the actions of one type against the outside world.

    The class behind an entry point also has a `settings_type`, the model of its section below
    `connectors` in the settings, and is called with one such object (`karya.connectors.BaseConnector`).
    """

    @property
    def action_type(self) -> type[Action]:
        """The model of its actions; the default of its `type` field is the name that jobs use."""

    async def open(self, tools: Tools) -> None:
        """Called once in each worker before the first run; what it raises keeps the worker from starting."""

    async def close(self) -> None:
        """Called once after the last run; must not raise."""

    def refusal(self, action: Any) -> str | None:
        """Why an action that its model accepts cannot run with these settings; None when it can. It begins
        with the field that is to blame, and a colon (`url: …`), where there is one.

        The server asks it at submission, of a connector that was never opened. It does no I/O.
        """

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
