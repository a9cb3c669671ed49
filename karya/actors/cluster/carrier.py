"""The Ray that carries a cluster, and the actors on it: begun, kept, ended."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import ray
import structlog

from karya.actors.cluster.charter import Charter, declared, revoke
from karya.actors.cluster.ground import Ground
from karya.actors.cluster.names import SERVER, SUPERVISOR
from karya.actors.cluster.ray_runtime import leave_ray, start_ray, this_node
from karya.actors.cluster.record import ClusterRecord
from karya.actors.cluster.spawning import claims_of, find, staff_present
from karya.actors.cluster.stopping import hand_back, stop_staff
from karya.actors.cluster.tenure import Tenure
from karya.core.errors import ConfigError, KaryaError, Unavailable
from karya.core.settings import Settings

log = structlog.get_logger("karya.cluster")

_START_SECONDS = 60
_PAUSE_SECONDS = 0.5
_CLOSE_SECONDS = 10


class Carrier:
    """Supervises what the supervisor cannot: Ray itself, and the supervisor."""

    def __init__(self, settings: Settings, *, log_to_driver: bool, go_on: Callable[[], None]) -> None:
        """`go_on` is asked between the steps of a start; it raises what shall end it."""
        self._settings = settings
        self._namespace = settings.ray.namespace
        self._log_to_driver = log_to_driver
        self._go_on = go_on
        self._charter: Charter | None = None
        self._tenure: Tenure | None = None

    def connect(self) -> str:
        """Starts Ray or joins it; the address under which others join. Raises ConfigError."""
        return start_ray(self._settings.ray, log_to_driver=self._log_to_driver)

    def leave(self) -> None:
        """Leaves Ray; one that was started here ends."""
        leave_ray()

    def begin(self, ground: Ground, predecessor: ClusterRecord | None) -> str:
        """Makes the actors, and waits until all are open that have a place for certain; the gateway's URL.

        `predecessor` is the note of a `karya up` that was killed: it may have left actors in a Ray which
        lives on. Raises ConfigError when there are actors of somebody else, what kept one from opening, and
        Unavailable when one does not answer.
        """
        charter = Charter(ground, this_node(), roams=not ground.settings.queue.is_local)
        if find(SUPERVISOR) is not None or staff_present():
            charter = self._taken_over(charter, predecessor)
        self._tenure = Tenure(charter, self._namespace)
        made = self._tenure.begin()
        for name, actor in made.items():
            if not claims_of(name, charter.ground):
                self._await(name, actor.ready.remote())
        return str(ray.get(made[SERVER].ready.remote(), timeout=_START_SECONDS))

    def look(self, elapsed: float) -> str | None:
        """Puts right what is wrong. When Ray was lost and there is one again, its address."""
        if self._tenure is None:
            return self._begun_again()
        lost = self._tenure.look(elapsed)
        self._charter = self._tenure.charter
        if lost is None:
            return None
        log.error("ray_lost", reason=lost)
        self._tenure = None
        self.leave()
        return self._begun_again()

    def hurry(self) -> None:
        """Makes the workers hand back what they run. May be called from any thread; before there is a Ray, a
        question to it would start one."""
        if self._tenure is not None:
            with suppress(ray.exceptions.RayError):
                hand_back()

    def end(self) -> None:
        """Drains and stops the actors, if there is a Ray in which they can be."""
        if self._tenure is not None and self._tenure.answers():
            patience = self._settings.worker.grace + timedelta(seconds=_CLOSE_SECONDS)
            stop_staff(patience.total_seconds())
            revoke(self._namespace)

    def _taken_over(self, charter: Charter, predecessor: ClusterRecord | None) -> Charter:
        """What a killed `karya up` left goes on as it is, if it is what would be begun now; else it is
        drained first."""
        here = (str(ray.get_runtime_context().gcs_address), self._namespace)
        if predecessor is None or (predecessor.ray_address, predecessor.namespace) != here:
            raise ConfigError(
                f"a cluster runs already in the Ray namespace {self._namespace!r}: "
                "stop it, or choose another ray.namespace"
            )
        found = declared(self._namespace)
        if found is not None and found.ground == self._at_port_of(found.ground, charter.ground):
            log.info("taken_over", pid=predecessor.pid)
            return replace(charter, ground=found.ground)
        log.info("draining_predecessor", pid=predecessor.pid)
        self._tenure = Tenure(charter, self._namespace)
        self.end()
        return charter

    def _at_port_of(self, running: Ground, wanted: Ground) -> Ground:
        """Port 0 means any free one: then that of the running gateway does as well."""
        if self._settings.gateway.port != 0:
            return wanted
        return wanted.at_port(running.settings.gateway.port)

    def _begun_again(self) -> str | None:
        """Begins anew in a Ray that knows nothing, as soon as there is one."""
        if self._charter is None:
            return None
        try:
            address = self.connect()
        except ConfigError as error:
            log.warning("ray_is_away", error=str(error))
            return None
        self._tenure = Tenure(replace(self._charter, home=this_node()), self._namespace)
        self._tenure.begin()
        log.warning("ray_rebuilt", address=address)
        return address

    def _await(self, name: str, opened: Any) -> None:
        deadline = time.monotonic() + _START_SECONDS
        try:
            while not ray.wait([opened], timeout=_PAUSE_SECONDS)[0]:
                self._go_on()
                if time.monotonic() > deadline:
                    raise TimeoutError(f"not ready after {_START_SECONDS} s")
            ray.get(opened)
        except ray.exceptions.RayTaskError as error:
            raise _cause(error) from None
        except (ray.exceptions.RayError, TimeoutError) as error:
            raise Unavailable(f"the actor {name!r} does not start: {error}") from error


def _cause(error: ray.exceptions.RayTaskError) -> Exception:
    """What the actor raised, without Ray's wrapping."""
    cause = error.cause
    return cause if isinstance(cause, KaryaError) else Unavailable(f"an actor does not start: {cause!r}")
