"""A cluster in one Ray, for as long as that lives: what `karya up` looks after in it."""

import time
from typing import Any

import ray
import structlog

from karya.actors.cluster.charter import Charter, declare
from karya.actors.cluster.names import SUPERVISOR
from karya.actors.cluster.placement import ANYWHERE
from karya.actors.cluster.ray_watch import RayWatch
from karya.actors.cluster.seat import Seat, Sign
from karya.actors.cluster.spawning import make, staff_present
from karya.actors.cluster.staff import Staff
from karya.actors.cluster.supervisor_actor import SupervisorActor

log = structlog.get_logger("karya.cluster")

_MOST_ELAPSED = 1.0
"""What counts of the time between two looks: this process has heard nobody while it was stopped itself."""

_PATIENCE_SECONDS = 15.0
"""Half of what the supervisor may be silent, a start by Ray included. Nothing depends on its being quick."""


class Tenure:
    """Sees to it that there is a supervisor, which sees to everybody else."""

    def __init__(self, charter: Charter, namespace: str) -> None:
        self.charter = charter
        self._namespace = namespace
        self._watch = RayWatch(namespace, charter)
        self._supervisor: Seat | None = None

    def begin(self) -> dict[str, Any]:
        """Declares the charter, and makes all actors that do not exist; the handles of all but the
        supervisor. They are made here, too, lest they wait for the supervisor's process: by its name each
        exists once, whoever makes it first."""
        declare(self.charter, self._namespace)
        self._supervisor = self._new_supervisor()
        staff = Staff(self.charter, lambda _: None, time.monotonic)
        staff.adopt(staff_present())
        staff.look(0)
        return {name: staff.actor(name) for name in staff.wanted}

    def look(self, elapsed: float) -> str | None:
        """Why this Ray is lost. While it is not, looks after the supervisor."""
        lost = self._watch.look(elapsed)
        if lost is None and not self._watch.is_silent:
            self._keep_charter()
            self._keep_supervisor(elapsed)
        return lost

    def answers(self) -> bool:
        """Whether there is a Ray whose head answers."""
        return self._watch.look(0) is None and self._watch.answers()

    def _keep_charter(self) -> None:
        """Goes by what was declared last. A head that was restarted without its memory is told again."""
        if self._watch.charter is None:
            declare(self.charter, self._namespace)
        else:
            self.charter = self._watch.charter

    def _keep_supervisor(self, elapsed: float) -> None:
        if self._supervisor is None:
            return
        sign = self._supervisor.look(min(elapsed, _MOST_ELAPSED), _PATIENCE_SECONDS)
        if sign in (Sign.HUNG, Sign.GONE):
            log.warning("supervisor_replaced", reason=sign.value)
            if sign is Sign.HUNG:
                ray.kill(self._supervisor.actor, no_restart=True)
            self._supervisor = self._new_supervisor()

    def _new_supervisor(self) -> Seat:
        place = ANYWHERE if self.charter.roams else self.charter.home
        supervisor = make(SUPERVISOR, SupervisorActor, place).remote()
        return Seat(supervisor, life=_alive_for_all_we_know)


def _alive_for_all_we_know(_: Any) -> tuple[str, int]:
    return "ALIVE", 0
