"""The routes of dead letters."""

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from karya.api.endpoint import BAD_BODY, INVALID, Endpoint, answer
from karya.api.jobs import MISSING
from karya.api.requests import Letters, LettersQuery, read_json, read_query
from karya.api.services import Services
from karya.core.queries import LetterQuery
from karya.core.views import BulkView, TaskPage, TaskStory

_LETTERS = "/v1/dead-letters"
_ONE = f"{_LETTERS}/{{id}}"
_PROBLEMS = (*MISSING, HTTPStatus.CONFLICT)


class LetterRoutes:
    """List, redrive, discard."""

    def __init__(self, services: Services) -> None:
        self._of = services.jobs_of
        self.endpoints = (
            Endpoint(
                "GET",
                _LETTERS,
                "List dead letters, the latest first",
                self.list_letters,
                TaskPage,
                query=LettersQuery,
                problems=INVALID,
            ),
            Endpoint(
                "POST",
                f"{_LETTERS}/redrive",
                "Redrive all dead letters that match",
                self.redrive_letters,
                BulkView,
                body=Letters,
                problems=BAD_BODY,
            ),
            Endpoint(
                "POST",
                f"{_LETTERS}/discard",
                "Discard all dead letters that match",
                self.discard_letters,
                BulkView,
                body=Letters,
                problems=BAD_BODY,
            ),
            Endpoint(
                "POST",
                f"{_ONE}/redrive",
                "Give a dead letter a new set of attempts",
                self.redrive_letter,
                TaskStory,
                problems=_PROBLEMS,
            ),
            Endpoint(
                "POST",
                f"{_ONE}/discard",
                "Give a dead letter up",
                self.discard_letter,
                TaskStory,
                problems=_PROBLEMS,
            ),
        )

    async def list_letters(self, request: Request) -> Response:
        """One page."""
        query = read_query(request, LettersQuery)
        letters = self._of(request).dead_letters(query.wanted, cursor=query.cursor, limit=query.limit)
        return answer(await letters)

    async def redrive_letters(self, request: Request) -> Response:
        """How many."""
        return answer(await self._of(request).redrive_all(await _wanted(request)))

    async def discard_letters(self, request: Request) -> Response:
        """How many."""
        return answer(await self._of(request).discard_all(await _wanted(request)))

    async def redrive_letter(self, request: Request) -> Response:
        """The task, READY again."""
        return answer(await self._of(request).redrive(request.path_params["id"]))

    async def discard_letter(self, request: Request) -> Response:
        """The task, CANCELLED."""
        return answer(await self._of(request).discard(request.path_params["id"]))


async def _wanted(request: Request) -> LetterQuery:
    return LetterQuery(**dict(await read_json(request, Letters)))
