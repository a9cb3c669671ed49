"""Ray itself: started on this machine, or joined, and left again."""

import logging
import os
import socket
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import ray
from ray._private import ray_constants
from ray._private import state as ray_state
from ray._private.authentication import authentication_token_setup
from ray.exceptions import AuthenticationError, RpcError
from ray.experimental import internal_kv
from ray.util import get_node_ip_address

from karya.core.errors import ConfigError
from karya.core.settings import LOOPBACK, RaySettings

_OBJECT_STORE_BYTES = 80 * 1024 * 1024
"""Ray's minimum: nothing of Karya's travels through the object store."""

_RAY_ENVIRONMENT = {
    # Ray runs its workers at nice 15 unless told otherwise, which would cost every instant its punctuality.
    "RAY_worker_niceness": "0",
    # Ray's own statistics, of which nothing here makes use: a fifth of what the actors use when idle.
    "RAY_task_events_report_interval_ms": "0",
    "RAY_enable_metrics_collection": "0",
    "RAY_event_stats": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # How long Ray waits for a process that dies before it has said hello; by default a minute.
    "RAY_worker_register_timeout_seconds": "25",
}

_VITAL = (ray_constants.PROCESS_TYPE_GCS_SERVER, ray_constants.PROCESS_TYPE_RAYLET)

T = TypeVar("T")

ANSWER_SECONDS = 1.0
"""How long a question to Ray's head may take that must not wait for it."""

_CONNECT_TIMEOUT = timedelta(seconds=5)


def start_ray(settings: RaySettings, *, log_to_driver: bool) -> str:
    """Starts Ray here, or joins the one at `address`; returns the address under which others join.

    A Ray that is started here ends with this process. Raises ConfigError when the address does not answer.
    """
    for name, value in _RAY_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    common: dict[str, Any] = {
        "namespace": settings.namespace,
        "log_to_driver": log_to_driver,
        "logging_level": "error",
    }
    if settings.address is not None:
        return join_ray(settings.address, **common)
    _stay_on_loopback()
    try:
        # "local": else it would join a Ray that somebody else has started on this machine.
        ray.init("local", include_dashboard=False, object_store_memory=_OBJECT_STORE_BYTES, **common)
    except (RuntimeError, OSError, ValueError) as error:
        raise ConfigError(f"Ray does not start: {error}") from error
    return str(ray.get_runtime_context().gcs_address)


def join_ray(address: str, **options: Any) -> str:
    """Joins a running Ray. Raises ConfigError when nobody answers there, or Ray refuses."""
    if address != "auto":
        if host_answering(address) in LOOPBACK:
            _stay_on_loopback()
        _use_stored_token()
    try:
        ray.init(address=address, **options)
    except (ConnectionError, RuntimeError, OSError, ValueError) as error:
        raise ConfigError(f"ray.address {address!r}: {error}") from error
    return str(ray.get_runtime_context().gcs_address)


def node_ip() -> str:
    """The address under which this node is known in its Ray cluster."""
    return str(get_node_ip_address())  # type: ignore[no-untyped-call]


def leave_ray() -> None:
    """Leaves Ray; one that was started here ends."""
    ray.shutdown()


def this_node() -> str:
    """The node on which this process runs."""
    return str(ray.get_runtime_context().get_node_id())


class HeadAway(Exception):
    """Ray's head did not answer in time."""


class HeadReplaced(Exception):
    """Another head, of another Ray, answers at the address of the one that was joined."""


def ask_head(question: Callable[[Any], T]) -> T:
    """Asks Ray's head and gives it ANSWER_SECONDS. Raises HeadAway, and HeadReplaced."""
    try:
        return question(internal_kv.internal_kv_get_gcs_client())  # type: ignore[no-untyped-call]
    except RpcError as error:
        raise HeadAway(str(error)) from None
    except AuthenticationError as error:  # Ray's word for a client that knows the id of another cluster
        raise HeadReplaced(str(error)) from None


def is_alive(node: str) -> bool:
    """Whether the head takes this node for alive. Raises HeadAway, and HeadReplaced."""
    ident = ray.NodeID.from_hex(node)
    return all(ask_head(lambda head: head.check_alive([ident], timeout=ANSWER_SECONDS)))


def living_nodes() -> frozenset[str]:
    """The nodes that Ray's head takes for alive; it takes 10 to 15 seconds to notice a death. Blocks while
    the head does not answer."""
    nodes = ray.nodes()  # type: ignore[no-untyped-call]
    return frozenset(node["NodeID"] for node in nodes if node["Alive"])


def actor_state(actor: Any) -> str:
    """What Ray's head knows of an actor: PENDING_CREATION, ALIVE, RESTARTING or DEAD. There is a public way
    to ask, which needs Ray's dashboard."""
    return actor_life(actor)[0]


def actor_life(actor: Any) -> tuple[str, int]:
    """The same, and the process in which it lives or has lived last."""
    known = ray_state.actors(actor._actor_id.hex())
    return str(known.get("State", "DEAD")), int(known.get("Pid", 0))


def has_lost_processes() -> bool:
    """Whether the head or the raylet of a Ray that was started here has died; of one that was joined, nobody
    here can know."""
    node = ray._private.worker._global_node
    return node is not None and any(kind in _VITAL for kind, _ in node.dead_processes())


def _stay_on_loopback() -> None:
    """Makes a Ray that is started here listen on 127.0.0.1 alone, and one that joins look for it there. Ray
    has a way to do so, meant for systems whose firewalls would ask questions, and reads the variable only
    when it is imported."""
    os.environ.setdefault(ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR, "0")
    ray_constants.ENABLE_RAY_CLUSTER = False


def _use_stored_token() -> None:
    """Ray 2.60 turns token authentication on for what it starts, but a join to an explicit address does not
    use the token that then lies in the home directory, as a join to "auto" does."""
    logging.getLogger(authentication_token_setup.__name__).setLevel(logging.ERROR)  # else it boasts of it
    authentication_token_setup.maybe_enable_token_auth_if_token_available(warn_if_disabled=False)


def host_answering(address: str) -> str:
    """The host of this address of a Ray. Raises ConfigError when nobody answers there: Ray itself takes the
    better part of a minute to find that."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        raise ConfigError(f"ray.address {address!r} is not HOST:PORT (the address that `ray start` prints)")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_TIMEOUT.total_seconds()).close()
    except (OSError, OverflowError) as error:
        raise ConfigError(f"no Ray answers at ray.address {address!r}: {error}") from None
    return host.strip("[]")
