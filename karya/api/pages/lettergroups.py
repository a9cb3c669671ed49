"""Dead letters by what they died of: which errors there are, and how many of each."""

from starlette.requests import Request
from starlette.responses import Response

from karya.api.pages.letterfilters import kept, place, query_of
from karya.api.pages.site import Site
from karya.core.errors import InvalidInput
from karya.core.views.lines import LetterGroups


class LetterGroupsPage:
    """One line for each; it leads to the list of those alone, where they are redriven or discarded."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._of = site.services.jobs_of

    async def show(self, request: Request) -> Response:
        """The page."""
        found, errors = LetterGroups(), dict[str, str]()
        try:
            found = await self._of(request).letter_groups(query_of(request.query_params).wanted)
        except InvalidInput as error:
            errors = {wrong.field: wrong.message for wrong in error.errors}
        filters = kept(request.query_params)
        return await self._site.render(
            request,
            "letter_groups.html",
            section="letters",
            lines=[(group, place({**filters, "text": group.error})) for group in found.groups],
            left_out=found.left_out,
            looked=found.looked,
            errors=errors,
            is_narrowed=bool(filters),
            list_page=place(filters),
        )
