"""The scheduler as an actor."""

from typing import Any

from karya.actors.cluster.ground import Ground
from karya.actors.cluster.host import Host
from karya.actors.cluster.shell import Shell
from karya.actors.logs import configure_logs
from karya.actors.metrics import Figures, figures


class SchedulerActor(Shell):
    """The scheduler with its dispatcher."""

    def __init__(self, name: str, ground: Ground) -> None:
        from karya.actors.cluster.scheduler_parts import SchedulerParts

        configure_logs(ground.settings.log, name)
        self._name = name
        self._parts = SchedulerParts(ground)
        self._host = Host(name, self._open)

    async def _open(self) -> None:
        await self._parts.open(self._host)

    async def status(self) -> dict[str, Any]:
        """Whether it leads, which workers are connected, and how each pool stands (PoolLoad)."""
        scheduler = self._parts.scheduler
        crew = tuple(self._parts.dispatcher.workers())
        return {
            "leads": scheduler is not None and scheduler.leads,
            "workers": len(crew),
            "crew": crew,
            "pools": self._parts.loads(),
        }

    async def figures(self) -> Figures:
        """Its metrics."""
        return figures(self._name, self._parts.figures())

    async def hand_over(self) -> None:
        """Closes, but goes on answering the workers until another scheduler leads."""
        await self._end_by(self._hand_over)

    async def _hand_over(self) -> None:
        await self._parts.hand_over()
        await self._host.close()

    async def _close(self) -> None:
        """Gives up the leadership and stops."""
        await self._parts.close()
        await self._host.close()
