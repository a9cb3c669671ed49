"""How far chains are known to reach, so that a job need not be read for each of its occurrences."""

from collections.abc import Iterable
from datetime import datetime

from karya.core.occurrence import VERSION_TOKENS
from karya.core.policies import MISFIRE_GRACE
from karya.core.ports import DueTask
from karya.store.chains import Done

_CAPACITY = 20_000
"""Of how many jobs is remembered, which takes about 6 MB. The others are read each time."""


class Tails:
    """Remembers where the chains stand of which several occurrences were made at once.

    What it remembers may be out of date, but holds: an instant has its successor in the store once the cursor
    stands behind it. Only another version of the job moves the cursor back, and the tasks of that one are
    told by their tokens.
    """

    def __init__(self) -> None:
        self._tails: dict[str, tuple[int, datetime]] = {}

    def note(self, done: Iterable[Done]) -> None:
        """Takes in how far they reach now. With jitter that says nothing of when their tasks are due; and
        nobody will see one at the end that was skipped on request."""
        for one in done:
            can_tell = not one.job.schedule.jitter and one.reaches not in one.job.skipped
            if can_tell and one.made and one.made[0].instant < one.reaches:
                self._tails.pop(one.job.id, None)
                self._tails[one.job.id] = one.job.version, one.reaches
        while len(self._tails) > _CAPACITY:
            del self._tails[next(iter(self._tails))]

    def covers(self, task: DueTask, until: datetime, now: datetime) -> bool:
        """Whether nothing is to be made or judged on account of this task: it is seen in time, and the chain
        of its job reaches beyond `until`."""
        version, at = self._tails.get(task.hint.job_id, (0, until))
        is_same = task.hint.token // VERSION_TOKENS == version - 1
        return is_same and max(task.hint.instant, until) < at and now - task.hint.due_at < MISFIRE_GRACE
