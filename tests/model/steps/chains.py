"""What a running action asks for by itself."""

from dataclasses import dataclass, replace

from tests.model.acts import Act
from tests.model.attempted import Phase
from tests.model.simulation import Simulation
from tests.model.steps.workers import OfWorker
from tests.model.terms import Terms
from tests.model.worker import Worker


@dataclass(frozen=True)
class Chain(OfWorker):
    """The action of a running task submits a child of its job."""

    terms: Terms
    again: bool = True

    async def work(self, sim: Simulation, worker: Worker) -> None:
        started = [one for one in worker.those(Phase.STARTED) if one.claim.hint.kind.value == "step"]
        if not started or started[0].trusted_until <= sim.world.time.now:
            return
        parent, ident = started[0].claim.hint.job_id, sim.world.name("child")
        sharing = self.terms.sharing.of(sim.ledger.books[parent].terms.sharing.owner).nameless
        terms = replace(self.terms, sharing=sharing)
        spec = terms.spec(sim.world.time.now)
        act = Act("child", job_id=ident, parent=parent, terms={ident: terms})
        submitter = sim.world.submitter()
        if await sim.call(act, lambda: submitter.submit(spec, parent, ident), again=self.again):
            sim.ledger.submitted({ident})
