"""The orderly end of all actors."""

from collections.abc import Sequence

import ray

from karya.actors.cluster.names import SCHEDULER, SERVER, SUPERVISOR, pool_of
from karya.actors.cluster.ray_runtime import actor_state
from karya.actors.cluster.spawning import find, staff_present

_SUPERVISOR_SECONDS = 10.0


def stop_staff(patience: float) -> None:
    """The supervisor first, so that it brings nobody back; then the gateway, so that nothing new is
    accepted; then the workers drain; then the scheduler. Each group has `patience` seconds to close, then it
    is killed."""
    _stop([SUPERVISOR], _SUPERVISOR_SECONDS)
    workers = [name for name in staff_present() if pool_of(name) is not None]
    for group in ([SERVER], workers, [SCHEDULER]):
        _stop(group, patience)


def hand_back() -> None:
    """Makes the workers hand back what they run, instead of finishing it."""
    for name in staff_present():
        if pool_of(name) is not None and (actor := find(name)) is not None:
            actor.hand_back.remote()


def _stop(names: Sequence[str], patience: float) -> None:
    actors = [actor for name in names if (actor := find(name)) is not None]
    # Who has not begun, or begins anew, has nothing to close and would not answer.
    closing = [actor.close.remote() for actor in actors if actor_state(actor) == "ALIVE"]
    ray.wait(closing, num_returns=len(closing), timeout=patience)
    for actor in actors:
        ray.kill(actor, no_restart=True)
