"""The session of a browser: a bearer token in a cookie that no script can read.

The cookie holds the token itself, so that there is no table of sessions: whoever revokes the token ends all
of its sessions. It is heeded for pages only, never for the API, which takes the Authorization header.
"""

from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote

from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

SESSION = "karya_session"
SIGN_IN = "/ui/sign-in"
SIGN_OUT = "/ui/sign-out"
HOME = "/ui/"
_PAGES = "/ui/"
_STATIC = "/ui/static/"


class Browser:
    """Serves the page at `/` to those who ask for HTML; all others get the list of links there."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        at_home = scope["path"] == "/" and scope["method"] in ("GET", "HEAD") and _wants_html(scope)
        await self._app({**scope, "path": HOME} if at_home else scope, receive, send)


def is_open(path: str) -> bool:
    """Whether a page is for those who have not signed in, too."""
    return path == SIGN_IN or path.startswith(_STATIC)


def session_of(scope: Scope) -> str | None:
    """The token in the session of a request for a page; None for all others."""
    if not scope["path"].startswith(_PAGES):
        return None
    try:
        jar = SimpleCookie(_header(scope, b"cookie"))
    except CookieError:
        return None
    return jar[SESSION].value if SESSION in jar else None


def ask_to_sign_in(scope: Scope) -> Response | None:
    """Where somebody has to go who wants a page; None for what is none."""
    if not scope["path"].startswith(_PAGES):
        return None
    if _header(scope, b"hx-request"):  # htmx would put the form into a corner of the page
        return Response(status_code=HTTPStatus.UNAUTHORIZED, headers={"hx-redirect": SIGN_IN})
    if scope["method"] != "GET":
        return RedirectResponse(SIGN_IN, HTTPStatus.SEE_OTHER)
    query = scope["query_string"].decode("latin-1")
    back = scope["path"] + (f"?{query}" if query else "")
    return RedirectResponse(f"{SIGN_IN}?next={quote(back, safe='')}", HTTPStatus.SEE_OTHER)


def is_inside(path: str) -> bool:
    """Whether a path leads to a page of ours, and not to another host."""
    return path.startswith(_PAGES) and "\\" not in path and not any(ord(char) < 0x21 for char in path)


def keep_session(response: Response, scope: Scope, secret: str) -> None:
    """Signs in: until the browser is closed, or the token ends."""
    response.set_cookie(SESSION, secret, path="/", httponly=True, samesite="strict", secure=_is_secure(scope))


def end_session(response: Response) -> None:
    """Signs out."""
    response.delete_cookie(SESSION, path="/", httponly=True, samesite="strict")


def _is_secure(scope: Scope) -> bool:
    """Whether the browser came by TLS, as far as a proxy in front says so: who lies harms only themselves."""
    return "https" in (scope["scheme"], _header(scope, b"x-forwarded-proto").strip().lower())


def _wants_html(scope: Scope) -> bool:
    return "text/html" in _header(scope, b"accept").lower()


def _header(scope: Scope, wanted: bytes) -> str:
    values = [value.decode("latin-1") for name, value in scope["headers"] if name == wanted]
    return "; ".join(values) if wanted == b"cookie" else ", ".join(values)
