"""The route of events."""

from http import HTTPStatus
from typing import Annotated, ClassVar

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from karya.api.endpoint import INVALID, Endpoint
from karya.api.events.hub import Hub
from karya.api.events.listener import Wanted
from karya.api.events.stream import EventStream
from karya.api.identity import principal_of
from karya.api.jobs import MISSING
from karya.api.requests import Query, read_query
from karya.api.services import Services
from karya.api.streaming import MEDIA_TYPE
from karya.core.errors import FieldError, InvalidInput
from karya.core.events import kinds_of
from karya.core.user import Principal
from karya.core.views.events import EventView

LAST_ID = "last-event-id"
_MOST = 20

_Id = Annotated[str, Field(max_length=100)]


class EventsQuery(Query):
    """Which events, and from where on."""

    several: ClassVar[frozenset[str]] = frozenset({"job", "user", "kind"})

    job: Annotated[tuple[_Id, ...], Field(max_length=_MOST, description="Of these jobs; repeat it.")] = ()
    user: Annotated[
        tuple[_Id, ...], Field(max_length=_MOST, description="Of the jobs of these users; repeat it.")
    ] = ()
    kind: Annotated[
        tuple[_Id, ...],
        Field(max_length=_MOST, description="Of these kinds, or of a family such as karya.task; repeat it."),
    ] = ()
    after: Annotated[
        str,
        Field(
            max_length=2000, description="The id of the last event that was seen; Last-Event-ID goes first."
        ),
    ] = ""


class EventRoutes:
    """Listen to what happens."""

    def __init__(self, services: Services, hub: Hub) -> None:
        self._of = services.jobs_of
        self._hub = hub
        self.endpoints = (
            Endpoint(
                "GET",
                "/v1/events",
                "Listen to what happens; each event is a CloudEvent",
                self.listen_to_events,
                EventView,
                media_type=MEDIA_TYPE,
                query=EventsQuery,
                headers={
                    LAST_ID: "The id of the last event that was seen: what came after it is sent first."
                },
                problems=(*MISSING, HTTPStatus.GONE, *INVALID),
            ),
        )

    async def listen_to_events(self, request: Request) -> Response:
        """Events until the client goes."""
        query = read_query(request, EventsQuery)
        wanted = self._wanted(query, principal_of(request))
        for job_id in query.job:
            await self._of(request).get(job_id)  # NotFound for what does not exist, or belongs to others
        if request.method == "HEAD":
            return Response(media_type=MEDIA_TYPE)
        header = request.headers.get(LAST_ID, "")
        after, place = header or query.after or None, LAST_ID if header else "after"
        if after is not None and not (after.isascii() and after.isalnum()):  # it is sent back as it is
            raise InvalidInput.at(place, "no position: give the id of an event as it was received")
        try:
            listener = await self._hub.listen(wanted, after)
        except InvalidInput as error:
            raise InvalidInput(FieldError(place, found.message) for found in error.errors) from None
        return EventStream(self._hub, listener, after)

    @staticmethod
    def _wanted(query: EventsQuery, principal: Principal) -> Wanted:
        users = frozenset(query.user)
        if not principal.sees_all and not users <= {principal.user_id}:
            raise InvalidInput.at("user", "leave it out: you see your own only")
        return Wanted(principal, kinds_of(query.kind), frozenset(query.job), users)
