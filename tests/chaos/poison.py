"""A connector whose action kills the worker that runs it."""

import os
from typing import Literal

from karya.connectors import Action, AttemptContext, BaseConnector, ConnectorSettings, Outcome


class PoisonAction(Action):
    """{"type": "poison"}"""

    type: Literal["poison"] = "poison"


class PoisonConnector(BaseConnector[PoisonAction, ConnectorSettings]):
    """Found by the cluster under test through an entry point, as any connector of a third party."""

    action_type = PoisonAction
    settings_type = ConnectorSettings

    async def run(self, action: PoisonAction, context: AttemptContext) -> Outcome:
        """Nobody lives to see what it comes to."""
        os._exit(1)
