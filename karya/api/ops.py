"""The routes of operators: health, readiness, metrics, and the index."""

from http import HTTPStatus

import orjson
from starlette.requests import Request
from starlette.responses import Response

from karya.api.endpoint import JSON, Endpoint, answer
from karya.core.ports import JobService
from karya.core.views import Readiness

PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
_INDEX = {
    "jobs": "/v1/jobs",
    "events": "/v1/events",
    "users": "/v1/users",
    "health": "/healthz",
    "readiness": "/readyz",
    "metrics": "/metrics",
    "openapi": "/openapi.json",
}


class OpsRoutes:
    """What watches Karya rather than uses it."""

    def __init__(self, service: JobService) -> None:
        self._service = service
        self.endpoints = (
            Endpoint("GET", "/", "List where everything is", self.show_index),
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
        """Links."""
        return Response(orjson.dumps(_INDEX), media_type=JSON)

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
