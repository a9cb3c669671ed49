"""The audit of the ledger."""

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from karya.api.pages.site import ROOT, Site
from karya.api.requests import AuditParameters, read_filters
from karya.core.errors import InvalidInput, NotFound
from karya.core.views import AuditPage

_NAMES = ("user_id", "job", "from", "to", "patience", "cursor")


class AuditLedgerPage:
    """What to prove, and what came of it."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._of = site.services.jobs_of

    async def show(self, request: Request) -> Response:
        """The form, and one page of the audit when it was sent."""
        query = request.query_params
        given = {name: query[name].strip() for name in _NAMES if query.get(name, "").strip()}
        report: AuditPage | None = None
        errors: dict[str, str] = {}
        if "prove" in query:
            try:
                asked = read_filters(given, AuditParameters)
                report = await self._of(request).audit(asked.wanted, cursor=asked.cursor)
            except InvalidInput as error:
                errors = {found.field: found.message for found in error.errors}
            except NotFound as error:
                errors = {"job": str(error)}
        following = {**given, "prove": "1", "cursor": (report and report.next_cursor) or ""}
        return await self._site.render(
            request,
            "audit.html",
            section="audit",
            given={name: given.get(name, "") for name in _NAMES},
            report=report,
            errors=errors,
            next_page=f"{ROOT}/audit?{urlencode(following)}",
        )
