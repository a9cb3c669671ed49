"""The routes of users and tokens."""

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from karya.api.endpoint import BAD_BODY, INVALID, Endpoint, answer
from karya.api.identity import principal_of
from karya.api.jobs import MISSING
from karya.api.requests import PageQuery, read_json, read_query
from karya.api.services import Services
from karya.core.user import TokenSpec, User, UserChange, UserSpec
from karya.core.views import IssuedToken, TokenList, UserList, Whoami

_USERS = "/v1/users"


class AccountRoutes:
    """Users and their tokens, for admins; and who the caller is, for everybody."""

    def __init__(self, services: Services) -> None:
        self._of = services.accounts_of
        self._accounts = services.accounts
        created = HTTPStatus.CREATED
        self.endpoints = (
            Endpoint(
                "POST",
                _USERS,
                "Make a user",
                self.add_user,
                User,
                body=UserSpec,
                status=created,
                problems=(*BAD_BODY, HTTPStatus.CONFLICT),
            ),
            Endpoint(
                "GET",
                _USERS,
                "List users, the newest first",
                self.list_users,
                UserList,
                query=PageQuery,
                problems=INVALID,
            ),
            Endpoint(
                "PATCH",
                f"{_USERS}/{{id}}",
                "Change the weight of a user",
                self.change_user,
                User,
                body=UserChange,
                problems=(*BAD_BODY, *MISSING),
            ),
            Endpoint(
                "GET",
                f"{_USERS}/{{id}}/tokens",
                "List the tokens of a user, without their secrets",
                self.list_tokens,
                TokenList,
                query=PageQuery,
                problems=(*MISSING, *INVALID),
            ),
            Endpoint(
                "POST",
                "/v1/tokens",
                "Make a token; its secret is shown only here",
                self.issue_token,
                IssuedToken,
                secret=True,
                body=TokenSpec,
                status=created,
                problems=BAD_BODY,
            ),
            Endpoint(
                "DELETE",
                "/v1/tokens/{id}",
                "Revoke a token",
                self.revoke_token,
                status=HTTPStatus.NO_CONTENT,
                problems=MISSING,
            ),
            Endpoint("GET", "/v1/whoami", "Show who the caller is", self.show_caller, Whoami),
        )

    async def add_user(self, request: Request) -> Response:
        """201 once the user is stored."""
        accounts = self._of(request)
        return answer(await accounts.add_user(await read_json(request, UserSpec)), HTTPStatus.CREATED)

    async def list_users(self, request: Request) -> Response:
        """A page of the users."""
        query = read_query(request, PageQuery)
        return answer(await self._of(request).users(cursor=query.cursor, limit=query.limit))

    async def change_user(self, request: Request) -> Response:
        """200 with the user as it is now."""
        change = await read_json(request, UserChange)
        return answer(await self._of(request).change_user(request.path_params["id"], change))

    async def list_tokens(self, request: Request) -> Response:
        """A page of the tokens of one user."""
        query, user_id = read_query(request, PageQuery), request.path_params["id"]
        return answer(await self._of(request).tokens(user_id, cursor=query.cursor, limit=query.limit))

    async def issue_token(self, request: Request) -> Response:
        """201 with the secret."""
        accounts = self._of(request)
        return answer(await accounts.issue_token(await read_json(request, TokenSpec)), HTTPStatus.CREATED)

    async def revoke_token(self, request: Request) -> Response:
        """204 once it is gone."""
        await self._of(request).revoke_token(request.path_params["id"])
        return Response(status_code=HTTPStatus.NO_CONTENT)

    async def show_caller(self, request: Request) -> Response:
        """Name and role; no user for somebody on this machine without a token."""
        principal = principal_of(request)
        user = await self._accounts.user(principal.user_id) if principal.user_id else None
        return answer(Whoami(user=user, role=principal.role))
