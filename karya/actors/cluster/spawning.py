"""The one place where actors are made."""

from collections.abc import Mapping
from typing import Any

import ray
from ray.util import list_named_actors
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from karya.actors.cluster.ground import Ground
from karya.actors.cluster.names import SCHEDULER, SERVER, SUPERVISOR, UNDERSTUDY, is_ours, pool_of
from karya.actors.cluster.placement import ANYWHERE
from karya.actors.cluster.scheduler_actor import SchedulerActor
from karya.actors.cluster.server_actor import ServerActor
from karya.actors.cluster.worker_actor import WorkerActor

_SHELLS: Mapping[str, type] = {
    SERVER: ServerActor,
    SCHEDULER: SchedulerActor,
    UNDERSTUDY: SchedulerActor,
}


def spawn(name: str, ground: Ground, node: str) -> Any:
    """The handle of the actor of this name, which is made on this node (or ANYWHERE) if it does not exist:
    whoever else makes it at the same time gets the same one."""
    return make(name, _SHELLS.get(name, WorkerActor), node, **claims_of(name, ground)).remote(name, ground)


def make(name: str, shell: type, node: str, **claims: Any) -> Any:
    """A shell as an actor that is found by its name, outlives whoever makes it, and is restarted for ever."""
    place = "SPREAD" if node == ANYWHERE else NodeAffinitySchedulingStrategy(node, soft=False)
    options = {"name": name, "lifetime": "detached", "max_restarts": -1, "get_if_exists": True, "num_cpus": 0}
    return ray.remote(shell).options(**{**options, **claims}, scheduling_strategy=place)


def staff_present() -> list[str]:
    """The names of the scheduler, the server and the workers that Ray knows in this namespace."""
    return [name for name in list_named_actors() if is_ours(name) and name != SUPERVISOR]


def find(name: str) -> Any | None:
    """The handle of the actor of this name, if there is one."""
    try:
        return ray.get_actor(name)
    except ValueError:
        return None


def claims_of(name: str, ground: Ground) -> dict[str, Any]:
    """What an actor claims of its node, in Ray's words; nothing for all but the workers."""
    pool = ground.settings.all_pools.get(pool_of(name) or "")
    if pool is None:
        return {}
    claims = {"num_cpus": pool.num_cpus, "num_gpus": pool.num_gpus, "resources": dict(pool.resources)}
    return {resource: amount for resource, amount in claims.items() if amount}
