"""A connector for Karya: appends words to a file, in capitals."""

import asyncio
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from karya.connectors import (
    Action,
    AttemptContext,
    BaseConnector,
    ConnectorSettings,
    Failure,
    Outcome,
    Success,
)


class ShoutAction(Action):
    """What a job writes: {"type": "shout", "words": "hello"}."""

    type: Literal["shout"] = "shout"
    words: Annotated[str, Field(min_length=1, max_length=1000)]


class ShoutSettings(ConnectorSettings):
    """The section `connectors.shout` of karya.yaml."""

    file: Path
    ending: str = "!"


class ShoutConnector(BaseConnector[ShoutAction, ShoutSettings]):
    """Writes one line for each attempt, with the id of the task so that readers can spot repetitions."""

    action_type = ShoutAction
    settings_type = ShoutSettings

    def refusal(self, action: ShoutAction) -> str | None:
        """Asked when a job is submitted."""
        return "words: this shouts already" if action.words.isupper() else None

    async def run(self, action: ShoutAction, context: AttemptContext) -> Outcome:
        """Success holds what was shouted; a directory that is not there is a permanent failure."""
        words = action.words.upper() + self.settings.ending
        try:
            await asyncio.to_thread(self._append, f"{context.task_id} {words}\n")
        except FileNotFoundError as error:
            return Failure(str(error), permanent=True)
        return Success({"shouted": words})

    def _append(self, line: str) -> None:
        with self.settings.file.open("a") as file:
            file.write(line)
