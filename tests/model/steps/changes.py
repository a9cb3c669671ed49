"""What clients change: jobs, and dead letters."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from karya.core.job import Job
from karya.core.revision import revised
from tests.model.acts import Act
from tests.model.simulation import Simulation, pick
from tests.model.steps.base import Plain
from tests.model.terms import Terms
from tests.model.timings import At, Every


@dataclass(frozen=True)
class Update(Plain):
    """A client changes a job; to keep its schedule, or not."""

    job: int
    terms: Terms
    keep: bool

    async def run(self, sim: Simulation) -> None:
        job_id = pick(sim.live(), self.job)
        if job_id is None:
            return
        now, book = sim.world.time.now, sim.ledger.books[job_id]
        age = now - book.created
        terms = replace(self.terms, timing=book.terms.timing if self.keep else _shifted(self.terms, age))

        async def update() -> Job:
            job = await sim.world.lifecycle.update(
                job_id, lambda old: revised(old, terms.spec(old.created_at), now), now
            )
            if job.cursor.exhausted:
                await sim.world.jobs.settle([job_id], now)
            return job

        await sim.call(Act("update", job_id, terms={job_id: terms}), update, again=False)
        sim.world.poke(now)


def _shifted(terms: Terms, age: timedelta) -> At | Every | Any:
    """What was meant from now on, told from the submission on."""
    timing = terms.timing
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
