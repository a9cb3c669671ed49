"""Signing in with a bearer token, and out again."""

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from karya.api.pages.session import HOME, SIGN_IN, end_session, is_inside, keep_session
from karya.api.pages.site import Site, first, go_to, read_form

_MOST_SECRET = 200


class SigningPages:
    """The form, and the way out."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def show(self, request: Request) -> Response:
        """The form."""
        return await self._form(request, request.query_params.get("next", HOME))

    async def sign_in(self, request: Request) -> Response:
        """Exchanges a token for a session."""
        fields = await read_form(request)
        secret, back = first(fields, "token"), first(fields, "next", HOME)
        known = 0 < len(secret) <= _MOST_SECRET and secret.isascii() and secret.isprintable()
        if not known or await self._site.services.accounts.identify(secret) is None:
            return await self._form(request, back, HTTPStatus.UNAUTHORIZED, refused=True)
        response = go_to(back if is_inside(back) else HOME)
        keep_session(response, request.scope, secret)
        return response

    async def sign_out(self, _: Request) -> Response:
        """Ends the session of this browser; its token goes on."""
        response = go_to(SIGN_IN)
        end_session(response)
        return response

    async def _form(
        self, request: Request, back: str, status: HTTPStatus = HTTPStatus.OK, refused: bool = False
    ) -> Response:
        return await self._site.render(request, "sign_in.html", status, back=back, refused=refused)
