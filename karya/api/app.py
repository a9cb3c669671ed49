"""The gateway as an ASGI application."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from karya.api.endpoint import routes
from karya.api.guard import Guard
from karya.api.jobs import JobRoutes
from karya.api.openapi import openapi_endpoint
from karya.api.ops import OpsRoutes
from karya.api.problems import Refused, answer_error
from karya.api.users import UserRoutes
from karya.core.errors import KaryaError
from karya.core.ports import JobService
from karya.core.settings import GatewaySettings


def create_app(service: JobService, settings: GatewaySettings) -> Starlette:
    """Every route over this service. The address it listens on is always among the allowed hosts."""
    endpoints = (
        *JobRoutes(service).endpoints,
        *UserRoutes(service).endpoints,
        *OpsRoutes(service).endpoints,
    )
    app = Starlette(
        routes=routes((*endpoints, openapi_endpoint(endpoints))),
        middleware=[Middleware(Guard, allowed_hosts=(*settings.allowed_hosts, settings.host))],
        exception_handlers=dict.fromkeys((Refused, KaryaError, HTTPException), answer_error),
    )
    # The redirect would be built from the Host header, and a client that posts would not follow it.
    app.router.redirect_slashes = False
    return app
