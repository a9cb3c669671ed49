"""Steps that often come together: chance alone would seldom put them in this order."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.model.acts import Said
from tests.model.simulation import Meanwhile, Step
from tests.model.steps.base import Pass
from tests.model.steps.changes import Update
from tests.model.steps.clients import Submit
from tests.model.steps.servers import Sweep, Turn
from tests.model.steps.workers import Claim, End, Renew, Start

Plan = Sequence[tuple[Step, Meanwhile | None]]
"""Steps, and what happens in the middle of them anyhow."""


@dataclass(frozen=True)
class Bustle:
    """Time passes, a scheduler takes its turn, a worker claims, starts and ends: the first `far` of these.
    In number `troubled` something may fail."""

    seconds: float
    worker: int
    said: Said
    far: int
    troubled: int

    @property
    def plan(self) -> Plan:
        """One after the other."""
        worker = self.worker
        day = (Pass(self.seconds), Turn(), Claim(worker), Start(worker), End(worker, self.said))
        return [(one, None) for one in day[: self.far]]


@dataclass(frozen=True)
class Lapse:
    """A client submits a job, no scheduler has a turn for some time, and then the job is changed: what passed
    meanwhile has no tasks. In number `troubled` something may fail."""

    submit: Submit
    seconds: float
    update: Update
    troubled: int

    @property
    def plan(self) -> Plan:
        """One after the other."""
        return [(self.submit, None), (Pass(self.seconds), None), (self.update, None)]


@dataclass(frozen=True)
class Oversleep:
    """A worker sleeps past its leases. They are reaped, `other` takes its tasks, and then it goes on as if
    nothing had been; or it wakes and renews them before operation number `wakes` of the sweep, if not 0."""

    worker: int
    other: int
    said: Said
    wakes: int
    troubled: int

    @property
    def plan(self) -> Plan:
        """One after the other."""
        awake = Meanwhile(self.wakes, Renew(self.worker)) if self.wakes else None
        before = (Turn(), Claim(self.worker), Start(self.worker), Pass(21))
        behind = (Pass(5), Turn(), Claim(self.other), Start(self.other), End(self.worker, self.said))
        return [*((one, None) for one in before), (Sweep(), awake), *((one, None) for one in behind)]
