"""The `noop` connector: nothing, successfully."""

from karya.core.action import NoopAction
from karya.core.outcome import Outcome, Success
from karya.core.ports import AttemptContext


class NoopConnector:
    """Succeeds at once, with no result."""

    action_type = NoopAction

    async def open(self) -> None:
        """Needs nothing."""

    async def close(self) -> None:
        """Holds nothing."""

    async def run(self, action: NoopAction, context: AttemptContext) -> Outcome:  # noqa: ARG002
        """Success, always."""
        return Success()
