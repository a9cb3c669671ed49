"""Nodes of Ray that are lost."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import ClassVar

import psutil

from tests.chaos.cluster import pids, role_of
from tests.chaos.faults.base import Fault
from tests.chaos.faults.occupation import occupy
from tests.chaos.faults.ray import RayKilled
from tests.chaos.rig import Rig, kill, until
from tests.chaos.stages import NodesStage

_HOME = ("scheduler", "server")


class NodeKilled(Fault):
    """kill -9 of a raylet and all that run on its node. Its workers move to the nodes that live; when they
    have, another node joins."""

    name = "kill-node"
    stage = "nodes"
    bound: ClassVar[float] = 60.0
    counts_from_injection = True
    _victims: Sequence[psutil.Process] = ()
    _lost: int = 0
    _moved: bool = False

    async def aim(self, rig: Rig) -> None:
        """One that has workers, and is not that of `karya up`, with which Karya's own node would be lost."""

        def is_staffed() -> bool:
            self._victims = self._candidate(rig.cluster.processes("raylet"))
            return bool(self._victims)

        await occupy(rig, self.random)
        await until(is_staffed, self.bound, "a node with nothing but workers")
        self._lost = sum(role_of(victim) == "worker" for victim in self._victims)

    async def inject(self, rig: Rig) -> str:
        """See Fault."""
        for victim in self._victims:
            kill(victim)
        return f"{pids(self._victims)}, {self._lost} of them workers"

    async def heal(self, rig: Rig) -> None:
        """See Fault."""
        with suppress(TimeoutError):
            await until(lambda: self._is_manned(rig), self.bound, "workers on other nodes")
            self._moved = True
        assert isinstance(rig.stage, NodesStage)
        await asyncio.to_thread(rig.stage.nodes.add)

    async def examine(self, rig: Rig) -> Sequence[str]:
        """See Fault."""
        return () if self._moved else ("its workers did not move to the nodes that live",)

    def _is_manned(self, rig: Rig) -> bool:
        return rig.cluster.crew().get("worker", 0) == rig.stage.crew["worker"]

    def _candidate(self, raylets: Sequence[psutil.Process]) -> Sequence[psutil.Process]:
        nodes = [[raylet, *raylet.children(recursive=True)] for raylet in raylets]
        roles = [{role_of(process) for process in node} for node in nodes]
        fit = [n for n, r in zip(nodes, roles, strict=True) if "worker" in r and not r.intersection(_HOME)]
        return self.random.choice(fit) if fit else ()


class AllNodesKilled(RayKilled):
    """The head and all other nodes, in a Ray that the cluster has joined: as long as nobody brings it back,
    `karya up` can only wait."""

    name = "kill-all-nodes"
    stage = "nodes"
    hold = 10.0

    async def heal(self, rig: Rig) -> None:
        """See Fault."""
        await asyncio.to_thread(rig.stage.revive)
