"""The slot of a job: what keeps its occurrences from overlapping, where its policy is not `allow`.

An occurrence takes the slot before its first step is handed to a worker, keeps it through retries, and gives
it back when its last step has ended. Hooks need none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from karya.core.hint import Hint

Holder = tuple[str, str]
"""An occurrence: the id of its job, and its cause."""


@dataclass(frozen=True, slots=True)
class Admission:
    """What became of hints that were about to be handed to workers. Those that are `dropped` (skipped, or
    no longer true) or `waiting` (for the slot) are not to be handed out now."""

    admitted: Sequence[Hint] = ()
    dropped: Sequence[Hint] = ()
    waiting: Sequence[Hint] = ()
    skipped: int = 0
    """How many occurrences were skipped for their overlap policy."""


class Admissions(Protocol):
    """Taking the slot; the scheduler's side, blocking."""

    def admit(self, hints: Sequence[Hint], now: datetime) -> Admission:
        """Lets the occurrences of these hints take the slots of their jobs, as each job's overlap policy
        says; `hints` are of slotted steps only, each with its cause.

        An occurrence that holds the slot already is admitted. When another one does: `skip` skips the
        occurrence; `queue` holds its tasks until the slot is free, or skips it when one waits already;
        `cancel_running` holds them too, skips the one that waited before, cancels what of the holder has
        not started and asks the rest to stop. An occurrence that was started before (redriven, handed
        back) is never skipped: it waits, as do all while the job is paused or cancelled. What is stored of
        one job is stored together, and no job waits for what others write of another; idempotent.
        """


class Slots(Protocol):
    """Giving the slot back; the workers' and the janitor's side."""

    async def release(self, ended: Sequence[Holder], now: datetime) -> bool:
        """Frees the slots that these occurrences hold, of those that have no open step: the occurrence
        that waits takes the slot over and its tasks are due now. Returns whether anything became due.
        Telling it again, or of occurrences that hold nothing or still run, changes nothing."""

    async def abandoned(self, before: datetime, limit: int) -> Sequence[Holder]:
        """Holders that took their slot before this and have no open step: a crash cut in between their end
        and the release. Looks at `limit` slots, and from call to call goes round all of them."""
