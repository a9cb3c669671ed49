"""The service in memory, empty, by a clock that stands still: what the conformance suites run on."""

from karya.core.transitions import Transition
from tests.conformance.store.kit import HeldTime
from tests.support.memory_service import MemoryService


class MemoryKit:
    """Implements `tests.conformance.service.kit.Kit`."""

    def __init__(self) -> None:
        self.time = HeldTime()
        self.service = MemoryService(lambda: self.time.now)

    async def user(self, name: str) -> str:
        """The service in memory takes whoever is named for a user."""
        return name

    async def end(self, task_id: str, outcome: Transition) -> None:
        self.service.end(task_id, outcome)
