"""The state machine: rules that say when a step makes sense. `rules` say what must hold."""

from collections import Counter

from hypothesis.stateful import RuleBasedStateMachine, initialize

from tests.model import ending
from tests.model import strategies as some
from tests.model.attempted import Phase
from tests.model.making import Given, several, step
from tests.model.simulation import Meanwhile, Simulation, Step
from tests.model.world.databases import Databases
from tests.model.world.faults import Fault
from tests.model.world.world import World

_MOST_JOBS = 8


def some_are(*phases: Phase) -> Given:
    """Some worker holds an attempt of one of these phases."""
    return lambda machine: any(one.phase in phases for w in machine.sim.workers for one in w.attempts)


def a_job_is(*states: str) -> Given:
    """Some job is in one of these states."""
    return lambda machine: any(job["status"] in states for job in machine.sim.ledger.seen.jobs.values())


def hinted(machine: "KaryaMachine") -> bool:
    """The queue has handed something out."""
    return bool(machine.sim.world.offers.hints)


def has_room(machine: "KaryaMachine") -> bool:
    """The example is not too large to be judged quickly."""
    return machine.sim.active() < _MOST_JOBS


class KaryaMachine(RuleBasedStateMachine):
    """Anything may happen at any time, and anything may fail."""

    def __init__(self, databases: Databases, tally: Counter[str]) -> None:
        """Adds to `tally` what happens."""
        super().__init__()
        self.sim = Simulation(World(databases))
        self._tally = tally
        self._broken = False
        self.without: frozenset[str] = frozenset()
        """The rules that this example goes without."""

    def do(
        self, name: str, step: Step, fault: Fault | None = None, meanwhile: Meanwhile | None = None
    ) -> None:
        """One step, which is counted."""
        self._tally.update(["steps", name])
        try:
            self.sim.do(step, fault, meanwhile)
        except BaseException:
            self._broken = True
            raise

    def teardown(self) -> None:
        """Everything comes to an end, unless something has gone wrong already."""
        try:
            if not self._broken:
                ending.settle_down(self.sim)
                ending.check(self.sim)
        finally:
            self._tally.update(self.sim.tally())
            self.sim.abandon()

    @initialize(step=some.SUBMIT, without=some.WITHOUT)
    def begin(self, step: Step, without: frozenset[str]) -> None:
        self.do("begin", step)
        self.without = without

    bustle = several("bustle", some.BUSTLE)
    oversleep = several("oversleep", some.OVERSLEEP)
    lapse = several("lapse", some.LAPSE, has_room)
    time_passes = step("time_passes", some.PASS)

    submit = step("submit", some.SUBMIT, has_room)
    schedule = step("schedule", some.TURN)
    sweep = step("sweep", some.SWEEP)

    work = step("work", some.WORK, hinted)
    claim = step("claim", some.CLAIM, hinted)
    start = step("start", some.START, some_are(Phase.CLAIMED))
    end = step("end", some.END, some_are(Phase.STARTED))
    tell = step("tell", some.TELL, some_are(Phase.ENDED))
    renew = step("renew", some.RENEW, some_are(Phase.CLAIMED, Phase.STARTED))
    hand_back = step("hand_back", some.HAND_BACK, some_are(Phase.CLAIMED, Phase.STARTED))
    die = step("die", some.DIE, some_are(Phase.CLAIMED, Phase.STARTED))
    chain = step("chain", some.CHAIN, some_are(Phase.STARTED))

    cancel = step("cancel", some.CANCEL, a_job_is("ACTIVE", "PAUSED", "COMPLETED"))
    pause = step("pause", some.PAUSE, a_job_is("ACTIVE"))
    resume = step("resume", some.RESUME, a_job_is("PAUSED"))
    trigger = step("trigger", some.TRIGGER, a_job_is("ACTIVE"))
    skip = step("skip", some.SKIP, a_job_is("ACTIVE", "PAUSED"))
    update = step("update", some.UPDATE, a_job_is("ACTIVE", "PAUSED"))
    redrive = step("redrive", some.REDRIVE, lambda self: bool(self.sim.dead_letters()))
    discard = step("discard", some.DISCARD, lambda self: bool(self.sim.dead_letters()))

    lead = step("lead", some.LEAD)
    weigh = step("weigh", some.WEIGH)
    arrive = step("arrive", some.ARRIVE, lambda self: bool(self.sim.world.faults.late))
