"""A task that kills its worker every time."""

from collections.abc import Sequence

from tests.chaos.faults.base import Fault
from tests.chaos.judge.facts import HOOK
from tests.chaos.judge.schedules import Once
from tests.chaos.rig import Rig, until
from tests.chaos.timing import RECLAIM, START
from tests.chaos.workload.draft import Draft, Work

_ATTEMPTS = 3


class Poisonous(Fault):
    """It becomes a dead letter after its attempts, and the pool lives."""

    name = "poisonous-task"
    bound = _ATTEMPTS * RECLAIM + START
    _key = ""

    async def inject(self, rig: Rig) -> str:
        self._key = f"poison-{self.random.getrandbits(32):x}"
        work = Work(dies=True, max_attempts=_ATTEMPTS, action={"type": "poison"})
        await rig.workload.serve(Draft(self._key, Once(0), (work,), ("ON_FAILURE",)))
        return self._key

    async def examine(self, rig: Rig) -> Sequence[str]:
        """Asked when the others are on time again, which may be between two of its deaths."""
        try:
            await until(lambda: self._is_dead(rig), self.bound, "the dead letter")
        except TimeoutError as late:
            return [str(late)]
        return []

    def _is_dead(self, rig: Rig) -> bool:
        hook = HOOK + "ON_FAILURE"
        return any(each.key == self._key and each.part == hook for each in rig.arrivals())
