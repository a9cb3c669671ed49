"""The `noop` connector: nothing, successfully."""

from karya.connectors.base import BaseConnector, ConnectorSettings
from karya.core.action import NoopAction
from karya.core.outcome import Outcome, Success
from karya.core.ports import AttemptContext


class NoopConnector(BaseConnector[NoopAction, ConnectorSettings]):
    """Succeeds at once, with no result."""

    action_type = NoopAction

    async def run(self, action: NoopAction, context: AttemptContext) -> Outcome:  # noqa: ARG002
        """Success, always."""
        return Success()
