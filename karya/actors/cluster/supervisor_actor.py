"""The supervisor as an actor."""

import asyncio

import ray

from karya.actors.cluster.charter import declared
from karya.actors.cluster.host import Host
from karya.actors.cluster.names import SUPERVISOR
from karya.actors.cluster.rolling import Progress
from karya.actors.cluster.shell import Shell
from karya.actors.cluster.supervisor import Supervisor
from karya.actors.logs import configure_logs
from karya.actors.metrics import Figures, SupervisorMetrics, figures
from karya.core.errors import Unavailable
from karya.core.settings import Settings


class SupervisorActor(Shell):
    """The supervisor. It is handed nothing: it reads what was declared last."""

    def __init__(self) -> None:
        namespace = ray.get_runtime_context().namespace
        charter = declared(namespace)
        if charter is None:
            raise Unavailable(f"nothing is declared in the Ray namespace {namespace!r}")
        configure_logs(charter.ground.settings.log, SUPERVISOR)
        self._metrics = SupervisorMetrics()
        self._supervisor = Supervisor(charter, namespace, self._metrics)
        self._host = Host(SUPERVISOR, self._open)

    async def _open(self) -> None:
        self._host.keep(asyncio.to_thread(self._supervisor.run), "supervisor")

    async def restart(self, everything: bool, settings: Settings | None) -> tuple[str, ...]:
        """Begins a rolling restart; the names of the settings that it leaves as they are. Raises Conflict
        while another one is under way."""
        return self._supervisor.restart(everything=everything, settings=settings)

    async def progress(self) -> Progress | None:
        """How far the last restart has come; None if it has not begun."""
        return self._supervisor.progress()

    async def figures(self) -> Figures:
        """Its metrics."""
        return figures(SUPERVISOR, self._metrics.registry)

    async def _close(self) -> None:
        """Does nothing more; the others stay as they are."""
        await asyncio.to_thread(self._supervisor.stop)
        await self._host.close()
