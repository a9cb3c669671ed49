"""Whether everything answers, and what it counts."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping

import structlog

from karya.actors.metrics import Figures, exposition
from karya.core.views import Readiness

log = structlog.get_logger("karya.server")

Probe = Callable[[], Awaitable[str | None]]
"""Asks one part whether it answers; the reason why not, or None."""

_PROBE_SECONDS = 2.0


class Health:
    """Asks all parts of the cluster."""

    def __init__(
        self, probes: Mapping[str, Probe], gather: Callable[[], Awaitable[Iterable[Figures]]]
    ) -> None:
        self._probes = probes
        self._gather = gather

    async def readiness(self) -> Readiness:
        """See `JobService.readiness`. All parts are asked at once."""
        answers = await asyncio.gather(*(_ask(probe) for probe in self._probes.values()))
        reasons = {part: reason for part, reason in zip(self._probes, answers, strict=True) if reason}
        return Readiness(ready=not reasons, reasons=reasons)

    async def metrics(self) -> bytes:
        """See `JobService.metrics`."""
        return exposition(await self._gather())


async def _ask(probe: Probe) -> str | None:
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            return await probe()
    except TimeoutError:
        return f"no answer within {_PROBE_SECONDS:g} s"
    except Exception as error:
        log.debug("probe_failed", error=repr(error))
        return str(error) or repr(error)
