"""What all pages have in common: templates, headers, who looks at them, and errors shown as a page."""

import hashlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.templating import Jinja2Templates

from karya.api.identity import principal_of
from karya.api.pages import marks, text
from karya.api.pages.session import session_of
from karya.api.problems import Refused, explained
from karya.api.requests import media_type, read_body
from karya.api.services import Services
from karya.core.errors import FieldError, InvalidInput, KaryaError
from karya.core.user import Role
from karya.core.words import how_many

ROOT = "/ui"
STATIC = Path(__file__).parent / "static"
FORM = "application/x-www-form-urlencoded"
MOST_FIELDS = 2_000

_CONTENT_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
HEADERS = {
    "content-security-policy": _CONTENT_POLICY,
    "x-content-type-options": "nosniff",
    # Not `no-referrer`: with that, browsers say no origin when a form is posted.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
    "vary": "accept, cookie",
}
"""Of every page. What users wrote is escaped in the templates; this is for the day when something is not."""

THEME = "karya_theme"
_THEMES = ("light", "dark")

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks at a page, and what they may do there."""

    name: str | None
    role: Role
    may_change: bool
    sees_all: bool
    signed_in: bool


class Site:
    """Renders pages and wraps their handlers."""

    def __init__(self, services: Services) -> None:
        self.services = services
        env = Environment(
            loader=PackageLoader("karya.api.pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        env.filters.update({name: getattr(text, name) for name in _TEXTS}, how_many=how_many)
        env.filters.update({name: getattr(marks, name) for name in _MARKS})
        env.globals.update({"ROOT": ROOT, "asset": _assets(), "SHAPES": marks.SHAPES})
        self._templates = Jinja2Templates(env=env)

    async def render(
        self, request: Request, template: str, status: HTTPStatus = HTTPStatus.OK, **context: Any
    ) -> Response:
        """A page."""
        theme = request.cookies.get(THEME)
        context = {
            "viewer": await self._viewer(request),
            "theme": theme if theme in _THEMES else "",
            "now": datetime.now(UTC),
            **context,
        }
        return self._templates.TemplateResponse(request, template, context, status, HEADERS)

    def fragment(self, template: str, **context: Any) -> str:
        """A part of a page, for what is sent live."""
        return self._templates.get_template(template).render(now=datetime.now(UTC), **context)

    def page(self, handle: Handler) -> Handler:
        """The handler with its errors as pages; what changes something has to come from a page of ours."""

        async def wrapped(request: Request) -> Response:
            try:
                if request.method == "POST":
                    _must_be_ours(request)
                return await handle(request)
            except (KaryaError, Refused, HTTPException) as error:
                status, detail = explained(request, error)
                return await self.render(request, "error.html", status, code=status, detail=detail)

        return wrapped

    async def _viewer(self, request: Request) -> Viewer:
        principal = principal_of(request)
        user = await self.services.accounts.user(principal.user_id) if principal.user_id else None
        return Viewer(
            name=user.name if user else None,
            role=principal.role,
            may_change=principal.may(Role.USER),
            sees_all=principal.sees_all,
            signed_in=session_of(request.scope) is not None,
        )


_MARKS = ("state", "word", "when", "coming", "moment", "away", "kind")
_TEXTS = ("instant", "spaced", "machine", "span", "ago", "json", "count", "share", "target")


async def read_form(request: Request) -> dict[str, list[str]]:
    """The fields of a posted form, each with all its values. Raises Refused as `read_body` does, and
    InvalidInput for what is no form."""
    if media_type(request) != FORM:
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send the form as a page does")
    try:
        pairs = parse_qsl(
            (await read_body(request)).decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS
        )
    except ValueError as error:
        raise InvalidInput.at("", f"not the fields of a form: {error}") from None
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value.replace("\r\n", "\n"))
    return fields


def first(fields: dict[str, list[str]], name: str, default: str = "") -> str:
    """The first value of a field, without blanks around it."""
    return fields.get(name, [default])[0].strip()


def go_to(path: str) -> Response:
    """Where the browser is to go after a change, so that reloading does not make it twice."""
    return RedirectResponse(path, HTTPStatus.SEE_OTHER, HEADERS)


def by_field(errors: Iterable[FieldError]) -> dict[str, list[str]]:
    """The messages by field."""
    found: dict[str, list[str]] = {}
    for error in errors:
        found.setdefault(error.field, []).append(error.message)
    return found


def _must_be_ours(request: Request) -> None:
    """Browsers say where a form comes from. `Guard` lets pages of other origins in that the settings allow,
    for they bring a token of their own; a form would come with the visitor's session."""
    origin = request.headers.get("origin")
    if origin is None:
        same = request.headers.get("sec-fetch-site") == "same-origin"
    else:
        same = urlsplit(origin).netloc.lower() == request.headers["host"].lower()
    if not same:
        raise Refused(HTTPStatus.FORBIDDEN, "this form does not come from a page of this gateway")


def _assets() -> dict[str, str]:
    """Where the static files are, by name; the path changes with the contents, so that they can be kept."""
    found = {}
    for file in STATIC.iterdir():
        digest = hashlib.sha256(file.read_bytes()).hexdigest()[:12]
        found[file.name] = f"{ROOT}/static/{file.name}?v={digest}"
    return found
