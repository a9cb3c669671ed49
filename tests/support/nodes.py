"""A Ray of several nodes on this machine, all at 127.0.0.1, for clusters that join it."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ray.cluster_utils import Cluster as RayNodes

from karya.actors.cluster import ray_runtime

_SOON = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 500,
    "health_check_failure_threshold": 4,
}
"""Ray notices the death of a node within 2 seconds, instead of 15."""


class Nodes:
    """They, in the order in which they were added; the head is the first."""

    def __init__(self, started: RayNodes) -> None:
        self._started = started
        self._nodes = [started.head_node]

    @property
    def address(self) -> str:
        """What others join."""
        return str(self._started.address)

    def id(self, number: int) -> str:
        """What Ray calls a node."""
        return str(self._nodes[number].node_id)

    def add(self, **node: Any) -> str:
        """One more; what Ray calls it."""
        self._nodes.append(self._started.add_node(**node))
        return self.id(-1)

    def kill(self, number: int) -> None:
        """kill -9 of all processes of a node."""
        self._started.remove_node(self._nodes[number], allow_graceful=False)


@contextmanager
def ray_nodes(*nodes: dict[str, Any], port: int | None = None) -> Iterator[Nodes]:
    """A head, at this port if one is given, and one more node for each of these descriptions; they end with
    the block.

    They have a temporary directory of their own: Ray leaves the address of such a head in it, and whoever
    starts a Ray later would join that one.
    """
    home, former = tempfile.mkdtemp(prefix="karya-"), os.environ.get("RAY_TMPDIR")
    os.environ["RAY_TMPDIR"] = home
    ray_runtime._stay_on_loopback()
    ray_runtime._use_stored_token()  # as those who join: later nodes and the head must agree on it
    head = {"num_cpus": 2, "include_dashboard": False, "_system_config": _SOON, "gcs_server_port": port}
    try:
        started = RayNodes(initialize_head=True, head_node_args=head)
        try:
            made = Nodes(started)
            for node in nodes:
                made.add(**node)
            yield made
        finally:
            started.shutdown()
    finally:
        if former is None:
            del os.environ["RAY_TMPDIR"]
        else:
            os.environ["RAY_TMPDIR"] = former
        shutil.rmtree(home, ignore_errors=True)
