"""The routes of users."""

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from karya.api.endpoint import BAD_BODY, Endpoint, answer
from karya.api.requests import read_json
from karya.core.ports import JobService
from karya.core.user import User, UserSpec


class UserRoutes:
    """Make users."""

    def __init__(self, service: JobService) -> None:
        self._service = service
        self.endpoints = (
            Endpoint(
                "POST",
                "/v1/users",
                "Make a user",
                self.add_user,
                User,
                status=HTTPStatus.CREATED,
                body=UserSpec,
                problems=(*BAD_BODY, HTTPStatus.CONFLICT),
            ),
        )

    async def add_user(self, request: Request) -> Response:
        """201 once the user is stored."""
        spec = await read_json(request, UserSpec)
        return answer(await self._service.add_user(spec), HTTPStatus.CREATED)
