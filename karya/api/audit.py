"""The route of audits."""

from starlette.requests import Request
from starlette.responses import Response

from karya.api.endpoint import INVALID, Endpoint, answer
from karya.api.jobs import MISSING
from karya.api.requests import AuditParameters, read_query
from karya.api.services import Services
from karya.core.views import AuditPage


class AuditRoutes:
    """Prove the ledger."""

    def __init__(self, services: Services) -> None:
        self._of = services.jobs_of
        self.endpoints = (
            Endpoint(
                "GET",
                "/v1/audit",
                "Prove a part of the ledger, and name every violation",
                self.audit_ledger,
                AuditPage,
                query=AuditParameters,
                problems=MISSING + INVALID,
            ),
        )

    async def audit_ledger(self, request: Request) -> Response:
        """One page."""
        query = read_query(request, AuditParameters)
        return answer(await self._of(request).audit(query.wanted, cursor=query.cursor))
