"""What the judge says."""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What can be wrong."""

    LOST = "lost"
    """An instant, a step or a hook without a run, or a run given up before its attempts were used."""
    LATE = "late"
    """Started later than the patience, although no trouble excuses it."""
    EARLY = "early"
    """Arrived before its instant, its step's turn, or the end of its backoff."""
    EXTRA = "extra"
    """A run of something that was never asked for, or more attempts than the policy allows."""
    DOUBLED = "doubled"
    """Two runs of one instant, or a second attempt at what had succeeded, without a cause."""
    FENCE = "fence"
    """The same id again, and its attempt or its token has not risen."""
    CANCELLED = "after cancel"
    PAUSED = "during pause"
    ENDED = "after end"
    OVERLAP = "overlap"
    """Two occurrences of a job at once that wants them one after the other."""
    LIMIT = "beyond limit"
    """More at once, or in a while, than a limit by key allows."""
    NAME = "name"
    """Two live jobs with one name."""
    UNHEARD = "unheard"
    """The end of a task of which no event told."""
    ANCHOR = "anchor"
    """The acknowledged moment of creation lies outside of the submit."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken promise."""

    kind: Kind
    key: str
    part: str
    text: str
    at: int = 0
    """When it was seen; for what did not happen, when it should have."""

    def __str__(self) -> str:
        return f"{self.kind}: job {self.key}, {self.part}: {self.text}"


@dataclass(frozen=True)
class Verdict:
    """All violations, and what was counted on the way."""

    violations: tuple[Violation, ...]
    expected: int
    """Runs of steps that had to be."""
    seen: int
    """Runs of steps and hooks that were."""
    retried: int
    """Attempts after failed ones."""
    excused: int
    """Attempts after one that may have been cut in mid-request: the duplicates that are allowed."""
    handed_back: int
    """The same attempt made again, after a worker that ended in order had given it back."""

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return not self.violations

    def of(self, *kinds: Kind) -> int:
        """How many violations are of these kinds."""
        counts = Counter(violation.kind for violation in self.violations)
        return sum(counts[kind] for kind in kinds)
