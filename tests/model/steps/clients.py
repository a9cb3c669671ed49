"""What clients ask for: jobs, and that they stop, wait, go on, run now or leave one out."""

import asyncio
from dataclasses import dataclass
from typing import Any, ClassVar

from karya.actors.server.news import news_of
from karya.core.errors import Conflict, StoreUnavailable
from karya.core.job import new_job
from karya.core.occurrence import opening
from karya.core.ports import Submission
from tests.model.acts import Act
from tests.model.rules import names as naming
from tests.model.simulation import REFUSED, Simulation, pick
from tests.model.steps.base import Plain
from tests.model.terms import Terms


@dataclass(frozen=True)
class Submit(Plain):
    """A client submits jobs, together."""

    wanted: tuple[Terms, ...]
    again: bool = True

    async def run(self, sim: Simulation) -> None:
        now, names = sim.world.time.now, [sim.world.name("job") for _ in self.wanted]
        terms = dict(zip(names, self.wanted, strict=True))
        try:
            jobs = [new_job(one.spec(now), now, ident=ident) for ident, one in terms.items()]
        except REFUSED:
            return
        submissions = [Submission(*opening(job)) for job in jobs]

        refusals: list[Conflict] = []

        async def submit() -> bool:
            try:
                await sim.world.jobs.submit(submissions)
            except Conflict as refusal:
                refusals.append(refusal)
                raise
            return True

        if await sim.call(Act("submit", terms=terms), submit, again=self.again):
            sim.ledger.submitted(set(names))
            sim.world.poke(*news_of(submissions, now))
        elif refusals:
            naming.refused(sim.ledger, terms)


@dataclass(frozen=True)
class Cancel(Plain):
    """A client cancels a job, and all that descend from it."""

    job: int
    again: bool = True
    parks: ClassVar[bool] = True

    async def run(self, sim: Simulation) -> None:
        job_id = pick(sim.live(), self.job)
        if job_id is None:
            return

        async def cancel() -> bool:
            steering = sim.world.steering()
            try:
                await steering.cancel(job_id)
            except StoreUnavailable:
                sim.world.faults.disarm()
                if not self.again:
                    return False
                await steering.cancel(job_id)
            return True

        def done(task: asyncio.Task[bool]) -> None:
            if not isinstance(task.exception(), REFUSED) and task.result():
                sim.ledger.cancel_acknowledged(job_id)

        await sim.park(Act("cancel", job_id), cancel(), done)


@dataclass(frozen=True)
class PauseJob(Plain):
    """A client pauses a job."""

    job: int
    parks: ClassVar[bool] = True

    async def run(self, sim: Simulation) -> None:
        job_id = pick(sim.live(), self.job)
        if job_id is None:
            return
        asked = sim.resumed[job_id]

        def done(task: asyncio.Task[Any]) -> None:
            if task.exception() is None and sim.resumed[job_id] == asked:
                sim.ledger.pause_acknowledged(job_id)

        await sim.park(Act("pause", job_id), sim.world.steering().pause(job_id), done)


@dataclass(frozen=True)
class Resume(Plain):
    """A client lets a paused job go on."""

    job: int
    again: bool = True

    async def run(self, sim: Simulation) -> None:
        paused = [ident for ident in sim.live() if sim.ledger.seen.jobs[ident]["status"] == "PAUSED"]
        job_id = pick(paused, self.job)
        if job_id is not None:
            resume = sim.world.steering().resume
            sim.goes_on(job_id)
            await sim.call(Act("resume", job_id), lambda: resume(job_id), again=self.again)
            sim.goes_on(job_id)  # a pause that was answered meanwhile came before it, or behind


@dataclass(frozen=True)
class Trigger(Plain):
    """A client wants a job to run now."""

    job: int
    again: bool = True

    async def run(self, sim: Simulation) -> None:
        job_id = pick(sim.live(), self.job)
        if job_id is not None:
            key, trigger = sim.world.name("trigger"), sim.world.steering().trigger
            act = Act("trigger", job_id, request=key)
            await sim.call(act, lambda: trigger(job_id, key=key), again=self.again)


@dataclass(frozen=True)
class SkipNext(Plain):
    """A client does not want the next occurrence."""

    job: int

    async def run(self, sim: Simulation) -> None:
        job_id = pick(sim.live(), self.job)
        if job_id is not None:
            skip_next = sim.world.steering().skip_next
            await sim.call(Act("skip", job_id), lambda: skip_next(job_id), again=False)
