"""A worker in the simulation."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial

from bench.scaling.ground import Batch, Ground, counted, first
from bench.scaling.stations import Then, work

_MOST_TOGETHER = 500


class SimulatedWorker:
    """Claims all that it was told of together, runs it by halves of its slots, and stores all that has ended
    together: one claim and one report are on their way at a time, and two updates make a report where the job
    ends, too."""

    def __init__(self, ground: Ground, heard: Mapping[int, Then]) -> None:
        """It is told by the schedulers `heard`, which have equal parts of its slots and are called when there
        is room."""
        self._ground, self._costs, self._heard = ground, ground.costs, heard
        self._room = ground.deployment.slots // len(heard)
        self._thread = ground.thread()
        self._told: list[Batch] = []
        self._ended: list[Batch] = []
        self._claiming = self._storing = False
        self._taken: Counter[int] = Counter()
        self._unstored = 0

    def free(self, scheduler: int) -> int:
        """How many tasks more it takes of this one."""
        behind = self._unstored > 2 * self._ground.deployment.slots
        return 0 if behind else self._room - self._taken[scheduler]

    def promise(self, scheduler: int, count: int) -> None:
        """So many will be told by this one."""
        self._taken[scheduler] += count

    def tell(self, batches: Sequence[Batch]) -> None:
        """Hints have arrived."""
        self._told += batches
        self._claim()

    def _claim(self) -> None:
        if self._claiming or not self._told:
            return
        self._claiming = True
        batches, self._told = self._told, []
        self._ground.update(batches, self._costs.claim, self._thread, lambda: self._run(batches))

    def _run(self, batches: Sequence[Batch]) -> None:
        self._claiming = False
        self._ground.started(batches)
        while batches:
            piece, batches = first(batches, max(1, self._ground.deployment.slots // 2))
            time = counted(piece) * self._costs.worker
            work(self._ground.clock, self._thread, time, partial(self._wait, piece))
        self._claim()

    def _wait(self, batches: Sequence[Batch]) -> None:
        """For whatever the action waits for."""
        self._ground.clock.after(1_000 * self._costs.action_ms, lambda: self._end(batches))

    def _end(self, batches: Sequence[Batch]) -> None:
        for batch in batches:
            self._taken[batch.scheduler] -= batch.count
        self._unstored += counted(batches)
        self._ended += batches
        self._store()
        self._say_room()

    def _say_room(self) -> None:
        for has_room in self._heard.values():
            has_room()

    def _store(self) -> None:
        if self._storing or not self._ended:
            return
        self._storing = True
        batches, self._ended = first(self._ended, _MOST_TOGETHER)
        count, end = counted(batches), self._costs.end

        def stored() -> None:
            self._storing = False
            self._unstored -= count
            self._ground.ended(batches)
            self._store()
            self._say_room()

        def end_jobs() -> None:
            self._ground.update(batches, end, self._thread, stored)

        self._ground.update(batches, self._costs.outcome, self._thread, end_jobs if end else stored)
