"""What workers do, one thing after the other, so that anything may come in between."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from karya.core.hint import Hint
from tests.model.acts import Act, Said
from tests.model.attempted import Phase
from tests.model.simulation import Simulation
from tests.model.steps.base import Plain
from tests.model.worker import Worker


@dataclass(frozen=True)
class OfWorker(Plain):
    """A step of one worker, which takes one after the other."""

    worker: int

    @property
    def actors(self) -> frozenset[str]:
        return frozenset({f"worker {self.worker}"})

    async def run(self, sim: Simulation) -> None:
        await self.work(sim, sim.workers[self.worker])

    async def work(self, sim: Simulation, worker: Worker) -> None:
        raise NotImplementedError


@dataclass(frozen=True)
class Claim(OfWorker):
    """A worker claims what it was hinted at: so many hints, the newest but so many."""

    hints: int = 60
    older: int = 0

    async def work(self, sim: Simulation, worker: Worker) -> None:
        await _claim(sim, worker, _hints(sim, self.hints, self.older))


def _hints(sim: Simulation, most: int, older: int) -> Sequence[Hint]:
    hints = sim.world.offers.hints
    return hints[max(len(hints) - older - most, 0) : len(hints) - older]


async def _claim(sim: Simulation, worker: Worker, hints: Sequence[Hint]) -> None:
    tokens: dict[str, frozenset[int]] = {}
    for hint in hints:
        tokens[hint.task_id] = tokens.get(hint.task_id, frozenset()) | {hint.token}
    with sim.acting(Act("claim", owner=worker.owner, tokens=tokens)):
        await worker.claim(hints)


@dataclass(frozen=True)
class Start(OfWorker):
    """A worker starts what has come due."""

    async def work(self, sim: Simulation, worker: Worker) -> None:
        with sim.acting(Act("renew", owner=worker.owner)):
            await worker.start()


@dataclass(frozen=True)
class Renew(OfWorker):
    """A worker keeps its leases."""

    async def work(self, sim: Simulation, worker: Worker) -> None:
        with sim.acting(Act("renew", owner=worker.owner)):
            await worker.renew()


@dataclass(frozen=True)
class End(OfWorker):
    """Actions of a worker come to an end, all of them or one; it may not get to reporting it."""

    said: Said
    all: bool = True
    silent: bool = False

    async def work(self, sim: Simulation, worker: Worker) -> None:
        started = worker.those(Phase.STARTED)
        for one in started if self.all else started[:1]:
            worker.end(one, self.said)
        if not self.silent:
            await _report(sim, worker)


async def _report(sim: Simulation, worker: Worker) -> None:
    reports = worker.reporting()
    ended = [one for one in worker.those(Phase.ENDED) if one.held in reports]
    with sim.acting(Act("report", owner=worker.owner, reports=reports)):
        kept = await asyncio.gather(*map(worker.report, ended))
    certain = worker.answers.answered
    for one, is_kept in zip(ended, kept, strict=True):
        sim.ledger.reported(one.held, reports[one.held].said, kept=is_kept, certain=certain)
        if certain:
            worker.let_go(one)


@dataclass(frozen=True)
class Tell(OfWorker):
    """A worker reports what it has not reported yet."""

    async def work(self, sim: Simulation, worker: Worker) -> None:
        await _report(sim, worker)


@dataclass(frozen=True)
class HandBack(OfWorker):
    """A worker drains: what it holds goes back."""

    async def work(self, sim: Simulation, worker: Worker) -> None:
        for phase in (Phase.CLAIMED, Phase.STARTED):
            for one in worker.those(phase):
                worker.end(one, Said.RELEASED)
        await _report(sim, worker)


@dataclass(frozen=True)
class Die(OfWorker):
    """A worker is killed."""

    async def work(self, sim: Simulation, worker: Worker) -> None:
        worker.die()


@dataclass(frozen=True)
class Work(OfWorker):
    """A worker claims, starts, ends and reports, all at once."""

    said: Said = Said.SUCCESS

    async def work(self, sim: Simulation, worker: Worker) -> None:
        await Claim(self.worker).work(sim, worker)
        await Start(self.worker).work(sim, worker)
        await End(self.worker, self.said).work(sim, worker)
