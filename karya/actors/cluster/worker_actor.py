"""A worker as an actor."""

from karya.actors.cluster.ground import Ground
from karya.actors.cluster.host import Host
from karya.actors.cluster.names import pool_of
from karya.actors.cluster.owners import new_owner
from karya.actors.cluster.shell import Shell
from karya.actors.logs import configure_logs
from karya.actors.metrics import Figures, figures
from karya.core.pools import DEFAULT_POOL


class WorkerActor(Shell):
    """One worker of a pool."""

    def __init__(self, name: str, ground: Ground) -> None:
        from karya.actors.cluster.worker_parts import WorkerParts

        owner = new_owner(name)
        configure_logs(ground.settings.log, name, worker=owner)
        self._name = name
        self._parts = WorkerParts(name, owner, ground, pool_of(name) or DEFAULT_POOL)
        self._host = Host(name, self._open)

    async def _open(self) -> None:
        await self._parts.open(self._host)

    async def figures(self) -> Figures:
        """Its metrics."""
        return figures(self._name, self._parts.metrics.registry)

    async def hand_back(self) -> None:
        """Hands back what runs instead of finishing it, for a close that shall not wait."""
        self._parts.worker.hand_back()

    async def _close(self) -> None:
        """Drains and stops."""
        await self._parts.close()
        await self._host.close()
