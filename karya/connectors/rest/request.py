"""From an action to the requests of one attempt: pure functions."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import orjson
from standardwebhooks import Webhook
from yarl import URL

from karya.core.action import RestAction
from karya.core.http_fields import encoded
from karya.core.ports import AttemptContext
from karya.core.times import format_instant

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_WRITING = frozenset({"POST", "PUT", "PATCH"})
_HARMLESS = frozenset({"accept", "accept-language", "content-language", "content-type", "user-agent"})
"""The only headers of the user that another origin gets to see: any other may be a credential."""


class RedirectRefused(Exception):
    """A redirect that is not followed although redirects are; the text says why."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. `trusted` is false beyond a redirect to another origin than the action's own:
    from there on it carries no credentials."""

    method: str
    url: URL
    data: bytes | None = None
    content_type: str | None = None
    trusted: bool = True

    @property
    def lacks_type(self) -> bool:
        """Whether aiohttp would make up a content type for it. To be asked not to costs it as much as several
        headers, so it is asked only then."""
        return self.data is None and self.method in _WRITING


def first_request(action: RestAction, context: AttemptContext) -> Request:
    """The request as the action has it. A hook without a body of its own sends the event that fired it.

    Raises ValueError when the URL cannot be used.
    """
    data, content_type = _payload(action, context.event)
    return Request(action.method, _url(action), data, content_type)


def next_request(request: Request, location: str) -> Request:
    """The request that a redirect of this status and location leads to.

    Raises RedirectRefused for a way out of HTTP and for one from https to http, ValueError when the
    location is no URL.
    """
    url = request.url.join(URL(location)).with_fragment(None)
    if url.scheme not in ("http", "https") or not url.host:
        raise RedirectRefused("a redirect to something that is no http or https URL")
    if request.url.scheme == "https" and url.scheme == "http":
        raise RedirectRefused("a redirect from https to http")
    url = url.with_user(None)
    same = url.origin() == request.url.origin()
    return replace(request, url=url, trusted=request.trusted and same)


def as_get(request: Request, status: int) -> Request:
    """The request with the method that a redirect leaves it (RFC 9110, 15.4): 303 turns all but HEAD into
    GET, 301 and 302 turn POST into it, and the body is gone."""
    turned = request.method != "HEAD" if status == 303 else status in (301, 302) and request.method == "POST"
    return replace(request, method="GET", data=None, content_type=None) if turned else request


def headers_of(
    action: RestAction, context: AttemptContext, request: Request, signer: Webhook | None, now: datetime
) -> Mapping[str, str]:
    """The headers, names in lower case. With a signer a trusted target gets a Standard Webhooks signature."""
    headers = {"content-type": request.content_type} if request.content_type else {}
    for name, value in action.headers.items():
        if request.trusted or name.lower() in _HARMLESS:
            headers[name.lower()] = value
    headers |= {
        "webhook-id": context.task_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "karya-job-id": context.job_id,
        "karya-attempt": str(context.attempt),
        "karya-token": str(context.token),
        "karya-instant": format_instant(context.instant),
    }
    if context.trace is not None and request.trusted:
        headers |= context.trace.headers
    if signer is not None and request.trusted:
        text = (request.data or b"").decode()
        headers["webhook-signature"] = signer.sign(context.task_id, now.astimezone(UTC), text)
    return headers


def _payload(action: RestAction, event: str | None) -> tuple[bytes | None, str | None]:
    if action.form is not None:
        return encoded(action.form).encode(), "application/x-www-form-urlencoded"
    if isinstance(action.body, str):
        return action.body.encode(), "text/plain; charset=utf-8"
    if action.body is not None:
        return orjson.dumps(action.body), "application/json"
    if event is not None and action.method in _WRITING:
        return event.encode(), "application/cloudevents+json; charset=utf-8"
    return None, None


def _url(action: RestAction) -> URL:
    url = action.url
    if action.query:
        base, _, _ = url.partition("#")
        separator = "" if base.endswith(("?", "&")) else "&" if "?" in base else "?"
        url = f"{base}{separator}{encoded(action.query)}"
    return URL(url)
