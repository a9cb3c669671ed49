"""The operations of operators: readiness, metrics, the audit."""

from collections.abc import AsyncGenerator
from typing import Unpack

from karya.client.asking import Asking
from karya.client.operation import Operation, Stream
from karya.client.request import get
from karya.core.keywords import AuditFilter
from karya.core.views import AuditPage, AuditReport, OverviewView, Readiness
from karya.core.views.audit import merged

_WIRE_NAMES = {"job_id": "job", "since": "from", "until": "to"}


class StandingCalls(Asking):
    """How the cluster stands."""

    @Operation
    async def audit(self, **query: Unpack[AuditFilter]) -> AuditReport:
        """Proves the ledger, page by page. Raises InvalidInput, NotFound."""
        return merged([page async for page in self._audit(query)])

    @Stream
    async def audit_pages(self, **query: Unpack[AuditFilter]) -> AsyncGenerator[AuditPage, None]:
        """The same page by page, each as soon as it is proven. Raises as `audit`."""
        async for page in self._audit(query):
            yield page

    def _audit(self, query: AuditFilter) -> AsyncGenerator[AuditPage, None]:
        wire = {_WIRE_NAMES.get(name, name): value for name, value in query.items()}
        return self._pages(AuditPage, "/v1/audit", **wire)

    @Operation
    async def readiness(self) -> Readiness:
        """Whether jobs can run, and if not, what is missing."""
        return await self._view(get("/readyz"), Readiness)

    @Operation
    async def overview(self) -> OverviewView:
        """What is due, late, running and failed now, the pools and their workers, and the next hour."""
        return await self._view(get("/v1/overview"), OverviewView)

    @Operation
    async def metrics(self) -> str:
        """The metrics of every actor as Prometheus text."""
        return (await self._ask(get("/metrics"))).body.decode()
