"""One attempt in the hands of a worker of the model."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from karya.core.outcome import Failure, Outcome, Stopped, Success
from karya.core.ports import Claim
from karya.core.times import ceil_millis
from karya.core.transitions import Attempt, Transition, decide, release
from tests.model.acts import Held, Said, Word

_OUTCOMES: dict[Said, Outcome] = {
    Said.SUCCESS: Success(),
    Said.FAILURE: Failure("it failed"),
    Said.PERMANENT: Failure("it is hopeless", permanent=True),
    Said.STOPPED: Stopped(),
}


class Phase(Enum):
    """How far an attempt has come."""

    CLAIMED = auto()
    STARTED = auto()
    ENDED = auto()


@dataclass(eq=False)
class Attempted:
    """One attempt in the hands of a worker."""

    claim: Claim
    trusted_until: datetime
    start_by: datetime
    phase: Phase = Phase.CLAIMED
    word: Word | None = None
    transition: Transition | None = None

    @property
    def held(self) -> Held:
        """What is held, and under which lease."""
        return self.claim.hint.task_id, self.claim.lease_id

    def end(self, said: Said, now: datetime) -> None:
        """What it came to; nothing is stored yet."""
        hint, self.phase, self.word = self.claim.hint, Phase.ENDED, Word(said, now)
        attempt = Attempt(hint.task_id, hint.attempt, hint.retry, now)
        outcome = _OUTCOMES.get(said)
        self.transition = decide(attempt, outcome, None, ceil_millis(now)) if outcome else release("drained")
