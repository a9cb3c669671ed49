"""The server as an actor."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Any, cast

import ray
import structlog
from ray.util import list_named_actors

from karya.actors.cluster.ground import Ground
from karya.actors.cluster.handle_calls import Answer, answer
from karya.actors.cluster.host import Host
from karya.actors.cluster.names import SCHEDULER, SERVER, UNDERSTUDY, is_ours
from karya.actors.cluster.shell import Shell
from karya.actors.logs import configure_logs
from karya.actors.metrics import Figures, figures
from karya.core.pools import DEFAULT_POOL
from karya.core.ports import PoolLoad
from karya.core.ports.overview import Standing

log = structlog.get_logger("karya.actor")

_GATHER_SECONDS = 2.0


class ServerActor(Shell):
    """The server with its gateway."""

    def __init__(self, name: str, ground: Ground) -> None:
        from karya.actors.cluster.server_parts import ServerParts

        configure_logs(ground.settings.log, name)
        probes = {"scheduler": self._scheduler, "workers": self._workers}
        self._parts = ServerParts(ground, probes, self._gather, self._standing)
        self._host = Host(name, self._open)

    async def _open(self) -> None:
        await self._parts.open(self._host)

    async def ready(self) -> str:
        """Waits until it is open; returns the gateway's URL."""
        await self._host.ready()
        return self._parts.gateway.url

    async def call(self, method: str, arguments: dict[str, Any]) -> Answer:
        """One call of a Python client."""
        return await answer(self._parts.server, method, arguments)

    async def _close(self) -> None:
        """Answers what is under way and stops."""
        await self._host.close()
        await self._parts.close()

    async def _scheduler(self) -> str | None:
        status = await _status()
        return None if status["leads"] else "the scheduler does not hold the lock yet"

    async def _workers(self) -> str | None:
        """Those who serve jobs that ask for no pool, and hooks; other pools may be empty on purpose."""
        load: PoolLoad = (await _status())["pools"][DEFAULT_POOL]
        return None if load.workers else "no worker is connected"

    async def _standing(self) -> Standing | None:
        try:
            async with asyncio.timeout(_GATHER_SECONDS):
                status = await _status()
        except Exception as error:
            log.warning("no_standing", error=repr(error))
            return None
        return Standing(leads=status["leads"], crew=status["crew"], pools=status["pools"])

    async def _gather(self) -> Iterable[Figures]:
        names = await asyncio.to_thread(list_named_actors)
        others = [name for name in names if is_ours(name) and name != SERVER]
        gathered = await asyncio.gather(self._own(), *(self._ask(name) for name in others))
        return [part for part in gathered if part is not None]

    async def _own(self) -> Figures:
        return figures(SERVER, await self._parts.figures())

    async def _ask(self, name: str) -> Figures | None:
        try:
            async with asyncio.timeout(_GATHER_SECONDS):
                return cast(Figures, await _actor(name, "figures"))
        except Exception as error:
            log.warning("no_figures", asked=name, error=repr(error))
            return None


async def _actor(name: str, method: str) -> Any:
    return await cast(Awaitable[Any], getattr(ray.get_actor(name), method).remote())


async def _status() -> dict[str, Any]:
    """That of the scheduler, or of the one that stands in for it."""
    try:
        status: dict[str, Any] = await _actor(UNDERSTUDY, "status")
        if status["leads"]:
            return status
    except (ValueError, ray.exceptions.RayError):
        pass
    return cast(dict[str, Any], await _actor(SCHEDULER, "status"))
