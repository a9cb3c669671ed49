"""What stands behind the gateway, and which part of it a caller gets."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request

from karya.api.identity import principal_of
from karya.api.owned import Owned
from karya.core.errors import Forbidden
from karya.core.ports import AccountService, Clock, JobService
from karya.core.ports.events import EventLog
from karya.core.ports.overview import OverviewService
from karya.core.ports.plans import Plans
from karya.core.ports.requests import RequestLog
from karya.core.user import Role
from karya.core.views.overview import OverviewView

_OVERVIEW_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Services:
    """The server, as the gateway sees all of it."""

    jobs: JobService
    accounts: AccountService
    requests: RequestLog
    clock: Clock
    plans: Plans
    overview: OverviewService
    events: EventLog
    diagnose: Callable[[], str | None] = lambda: None
    """Why the store may not answer, where that can be told from here."""

    def jobs_of(self, request: Request) -> Owned:
        """The jobs as the sender of this request may use them."""
        return Owned(self.jobs, principal_of(request))

    async def overview_of(self, request: Request) -> OverviewView:
        """How the cluster stands, as far as the sender of this request may see it. What was seen a moment ago
        is given at once: a look asks every actor."""
        return await self.overview.overview(principal_of(request).sees_only, within=_OVERVIEW_SECONDS)

    def accounts_of(self, request: Request) -> AccountService:
        """The accounts, for admins. Raises Forbidden for everybody else."""
        if not principal_of(request).may(Role.ADMIN):
            raise Forbidden("users and tokens are managed by admins")
        return self.accounts
