"""An action runner that does as a test tells it."""

import asyncio

from karya.core.outcome import Outcome, Success
from karya.core.ports import AttemptContext


class Actions:
    """Implements `ActionRunner`: the outcomes in turn, the last one for all that follow.

    While `gate` is cleared, actions run; what is raised from them when they are stopped is noted.
    """

    def __init__(self, *outcomes: Outcome | Exception) -> None:
        self._outcomes = list(outcomes) or [Success()]
        self.started: list[AttemptContext] = []
        self.stopped: list[str] = []
        self.running = self.most = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def run(self, action: str, context: AttemptContext) -> Outcome:
        self.started.append(context)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await self.gate.wait()
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.stopped.append(context.task_id)
            raise
        finally:
            self.running -= 1
        outcome = self._outcomes.pop(0) if len(self._outcomes) > 1 else self._outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome
