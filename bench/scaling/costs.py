"""What one task costs, as measured."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Costs:
    """Microseconds of a processor for one no-op task of a job of its own, and the bytes that it moves.

    The defaults are those of `make bench ARGS=costs` on the machine of docs/benchmarks.md.
    """

    read: float = 16.0
    """mongod: finding the task."""
    claim: float = 60.0
    """mongod: giving out its lease."""
    outcome: float = 130.0
    """mongod: its outcome, and the end of its job."""
    scheduler: float = 40.0
    """The scheduler and its end of the queue."""
    worker: float = 80.0
    """A worker, all of it."""
    journal_bytes: float = 3_000.0
    """What mongod writes to its journal and its oplog."""
    hint_bytes: float = 300.0
    """What the scheduler sends to a worker."""

    @property
    def mongod(self) -> float:
        """All that MongoDB does for a task."""
        return self.read + self.claim + self.outcome

    @property
    def total(self) -> float:
        """All of it."""
        return self.mongod + self.scheduler + self.worker
