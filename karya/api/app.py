"""The gateway as an ASGI application."""

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from karya.api.accounts import AccountRoutes
from karya.api.audit import AuditRoutes
from karya.api.batches import BatchRoutes
from karya.api.compat.routes import UpstreamRoutes
from karya.api.compat.slashes import SingleSlash
from karya.api.crowd import Crowd
from karya.api.endpoint import routes
from karya.api.events.hub import Hub
from karya.api.events.routes import LAST_ID, EventRoutes
from karya.api.guard import Guard
from karya.api.idempotency import repeatable
from karya.api.identity import Identity
from karya.api.jobs import JobRoutes
from karya.api.joining import Joining
from karya.api.letters import LetterRoutes
from karya.api.meter import Answered, Meter, nobody
from karya.api.openapi import openapi_endpoint
from karya.api.ops import OpsRoutes
from karya.api.pages.live import Live
from karya.api.pages.routes import pages
from karya.api.pages.session import Browser
from karya.api.problems import Refused, answer_error
from karya.api.services import Services
from karya.api.steering import SteeringRoutes
from karya.core.errors import KaryaError
from karya.core.settings import GatewaySettings

_METHODS = ("GET", "POST", "PATCH", "DELETE")
_HEADERS = ("authorization", "content-type", "idempotency-key", LAST_ID)
_EXPOSED = ("idempotent-replay", "location", "retry-after")
"""What web pages of other origins (`gateway.cors_origins`) may send, and read of the answers."""


_WATCHED = ("/healthz", "/readyz", "/metrics")
"""What is answered however many other requests are under way."""


def create_app(
    services: Services,
    settings: GatewaySettings,
    hub: Hub,
    turned_away: Callable[[], object] = lambda: None,
    answered: Answered = nobody,
    traced: bool = False,
) -> Starlette:
    """Every route over these services. The address it listens on is always among the allowed hosts.

    `hub` has the listeners to events, `turned_away` is called for each request that found the gateway full,
    `answered` for every request. With `traced`, whoever sends `traceparent` is known (`core.trace.caller`).
    """
    endpoints = repeatable(
        services,
        (
            *JobRoutes(services).endpoints,
            *BatchRoutes(services).endpoints,
            *SteeringRoutes(services).endpoints,
            *LetterRoutes(services).endpoints,
            *AuditRoutes(services).endpoints,
            *EventRoutes(services, hub).endpoints,
            *AccountRoutes(services).endpoints,
            *OpsRoutes(services).endpoints,
        ),
    )
    upstream = repeatable(services, UpstreamRoutes(services).endpoints)
    everything = routes((*endpoints, openapi_endpoint(endpoints), *upstream))
    live = Live()
    app = Starlette(
        routes=[*everything, pages(services, live, hub)],
        middleware=[
            Middleware(Meter, routes=everything, answered=answered),
            Middleware(
                Guard,
                allowed_hosts=(*settings.allowed_hosts, settings.host),
                allowed_origins=settings.cors_origins,
            ),
            *_other_origins(settings),
            Middleware(Browser),
            Middleware(Crowd, turned_away=turned_away, exempt=_WATCHED),
            Middleware(
                Identity,
                identify=services.accounts.identify,
                required=settings.needs_tokens,
                also_open=frozenset({"/metrics"} if settings.open_metrics else ()),
            ),
            *((Middleware(Joining),) if traced else ()),
            Middleware(SingleSlash),
        ],
        exception_handlers=dict.fromkeys((Refused, KaryaError, HTTPException), answer_error),
    )
    app.state.diagnose = services.diagnose
    app.state.live = live
    # The redirect would be built from the Host header, and a client that posts would not follow it.
    app.router.redirect_slashes = False
    return app


def _other_origins(settings: GatewaySettings) -> tuple[Middleware, ...]:
    """Before `Identity`, since a browser asks whether it may ask without a token."""
    if not settings.cors_origins:
        return ()
    cors = Middleware(
        CORSMiddleware,
        allow_origins=settings.cors_origins,
        allow_methods=_METHODS,
        allow_headers=_HEADERS,
        expose_headers=_EXPOSED,
    )
    return (cors,)
