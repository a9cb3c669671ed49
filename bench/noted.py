"""The `noted` connector: nothing but a note of when it began, by the clock of the machine. The store holds
starts in whole milliseconds, rounded up; this is how fractions of one are seen."""

import asyncio
import os
import time
from array import array
from pathlib import Path
from typing import Literal

from karya.connectors.base import BaseConnector, ConnectorSettings
from karya.core.action import Action
from karya.core.outcome import Outcome, Success
from karya.core.ports import AttemptContext

HANDED_OVER_SECONDS = 0.5
"""So much later at most a note stands in the file of its process."""


class NotedAction(Action):
    """Does what `noop` does, and is noted."""

    type: Literal["noted"] = "noted"
    seconds: float = 0.0
    """How long it holds its slot."""


class NotedSettings(ConnectorSettings):
    """Where the notes go."""

    folder: Path
    """Of a file for each process: for each start two doubles, its instant and when it began, in seconds."""


class NotedConnector(BaseConnector[NotedAction, NotedSettings]):
    """Succeeds, with no result. A note is two numbers in an array, written out by the hundred."""

    action_type = NotedAction
    settings_type = NotedSettings

    def __init__(self, settings: NotedSettings) -> None:
        super().__init__(settings)
        self._notes = array("d")

    async def run(self, action: NotedAction, context: AttemptContext) -> Outcome:
        """Success, always."""
        began = time.time()
        if not self._notes:
            asyncio.get_running_loop().call_later(HANDED_OVER_SECONDS, self._hand_over)
        self._notes.extend((context.instant.timestamp(), began))
        if action.seconds:
            await asyncio.sleep(action.seconds)
        return Success()

    def _hand_over(self) -> None:
        with (self.settings.folder / str(os.getpid())).open("ab") as file:
            self._notes.tofile(file)
        self._notes = array("d")
