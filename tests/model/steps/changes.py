"""What clients change: jobs, and dead letters."""

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum, auto

from karya.core.job import Job
from karya.core.revision import revised
from tests.model.acts import Act
from tests.model.simulation import Simulation, pick
from tests.model.steps.base import Plain
from tests.model.terms import Terms
from tests.model.timings import At, Every, Timing


class Keep(Enum):
    """What an update leaves of the schedule: all of it, all but its bounds, nothing."""

    ALL = auto()
    RULE = auto()
    NOTHING = auto()


@dataclass(frozen=True)
class Update(Plain):
    """A client changes a job; to keep its schedule, or not."""

    job: int
    terms: Terms
    keep: Keep

    async def run(self, sim: Simulation) -> None:
        job_id = pick(sim.live(), self.job)
        if job_id is None:
            return
        now, book = sim.world.time.now, sim.ledger.books[job_id]
        age = now - book.created
        sharing = self.terms.sharing.of(book.terms.sharing.owner)
        if book.parent is not None:
            sharing = sharing.nameless
        terms = replace(self.terms, timing=self._timing(book.terms.timing, age), sharing=sharing)

        async def update() -> Job:
            job = await sim.world.lifecycle.update(
                job_id, lambda old: revised(old, terms.spec(old.created_at), now), now
            )
            if job.cursor.exhausted:
                await sim.world.jobs.settle([job_id], now)
            return job

        await sim.call(Act("update", job_id, terms={job_id: terms}), update, again=False)
        sim.world.poke(now)

    def _timing(self, old: Timing, age: timedelta) -> Timing:
        new = _shifted(self.terms.timing, age)
        if self.keep is Keep.NOTHING:
            return new
        if self.keep is Keep.ALL or isinstance(old, At) or isinstance(new, At):
            return old
        if isinstance(old, Every) and isinstance(new, Every):
            old = replace(old, length=new.length)
        return replace(old, max_runs=new.max_runs, jitter=new.jitter)


def _shifted(timing: Timing, age: timedelta) -> Timing:
    """What was meant from now on, told from the submission on."""
    if isinstance(timing, At):
        return replace(timing, delay=timing.delay + age)
    if isinstance(timing, Every) and timing.length is not None:
        return replace(timing, length=timing.length + age)
    return timing


@dataclass(frozen=True)
class Redrive(Plain):
    """A client gives a dead letter another chance."""

    letter: int
    again: bool = True

    async def run(self, sim: Simulation) -> None:
        task_id = pick(sim.dead_letters(), self.letter)
        if task_id is not None:
            now, redrive = sim.world.time.now, sim.world.letters.redrive
            act = Act("redrive", task_id=task_id)
            await sim.call(act, lambda: redrive(task_id, now), again=self.again)
            sim.world.poke(now)


@dataclass(frozen=True)
class Discard(Plain):
    """A client gives a dead letter up."""

    letter: int

    async def run(self, sim: Simulation) -> None:
        task_id = pick(sim.dead_letters(), self.letter)
        if task_id is not None:
            now, discard = sim.world.time.now, sim.world.letters.discard
            await sim.call(Act("discard", task_id=task_id), lambda: discard(task_id, now), again=True)
