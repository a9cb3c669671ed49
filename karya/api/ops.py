"""The routes of operators: health, readiness, metrics, and the index."""

from http import HTTPStatus

import orjson
from starlette.requests import Request
from starlette.responses import Response

from karya.api.endpoint import JSON, Endpoint, answer
from karya.api.services import Services
from karya.core.views import OverviewView, Readiness

PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
_INDEX = {
    "jobs": "/v1/jobs",
    "overview": "/v1/overview",
    "events": "/v1/events",
    "users": "/v1/users",
    "health": "/healthz",
    "readiness": "/readyz",
    "metrics": "/metrics",
    "openapi": "/openapi.json",
}


class OpsRoutes:
    """What watches Karya rather than uses it."""

    def __init__(self, services: Services) -> None:
        self._service = services.jobs
        self._overview_of = services.overview_of
        self.endpoints = (
            Endpoint("GET", "/", "List where everything is", self.show_index),
            Endpoint(
                "GET",
                "/v1/overview",
                "Show what is due, running, late and dead, and how the workers stand",
                self.show_overview,
                OverviewView,
            ),
            Endpoint("GET", "/healthz", "Say that this process runs", self.check_health),
            Endpoint(
                "GET",
                "/readyz",
                "Say whether jobs can run, and if not (503), what is missing",
                self.check_readiness,
                Readiness,
                also=(HTTPStatus.SERVICE_UNAVAILABLE,),
            ),
            Endpoint(
                "GET", "/metrics", "Show the metrics of every actor", self.show_metrics, media_type=PROMETHEUS
            ),
        )

    async def show_index(self, _: Request) -> Response:
        """Links; who asks for HTML gets the page instead (`pages.session.Browser`)."""
        return Response(orjson.dumps(_INDEX), headers={"vary": "accept"}, media_type=JSON)

    async def show_overview(self, request: Request) -> Response:
        """The figures of this moment."""
        return answer(await self._overview_of(request))

    async def check_health(self, _: Request) -> Response:
        """200 as long as the process answers at all; it asks nobody else."""
        return Response(b'{"status":"ok"}', media_type=JSON)

    async def check_readiness(self, _: Request) -> Response:
        """200 or 503, with a reason for each part that is missing."""
        readiness = await self._service.readiness()
        return answer(readiness, HTTPStatus.OK if readiness.ready else HTTPStatus.SERVICE_UNAVAILABLE)

    async def show_metrics(self, _: Request) -> Response:
        """Prometheus text."""
        return Response(await self._service.metrics(), headers={"content-type": PROMETHEUS})
