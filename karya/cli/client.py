"""The gateway as the commands use it: one request, its answer as data, every problem as a readable error."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

from karya.cli.config import load_settings
from karya.core.errors import ConfigError, FieldError, InvalidInput, KaryaError, Unavailable

_TIMEOUT = aiohttp.ClientTimeout(total=30, connect=5)
_PROBLEM = "application/problem+json"


def gateway_url(url: str | None, data_dir: Path | None) -> str:
    """This URL, else that of the cluster which runs on the data directory.

    Raises Unavailable when none runs there, ConfigError when the URL or the settings are wrong.
    """
    if url is not None:
        return _checked(url)
    from karya.actors.cluster.record import read_record

    settings = load_settings(None, {"data_dir": None if data_dir is None else str(data_dir)})
    try:
        return read_record(Path(settings.data_dir).expanduser()).url
    except ConfigError as error:
        raise Unavailable(str(error)) from None


def _checked(url: str) -> str:
    try:
        parsed = URL(url)
    except ValueError:
        parsed = URL()
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ConfigError(f"--url {url!r} is not an http:// or https:// URL")
    return url.rstrip("/")


def call(
    url: str,
    method: str,
    path: str,
    body: Any = None,
    query: Mapping[str, str] | None = None,
    token: str | None = None,
) -> Any:
    """The answer of the gateway at this URL: parsed JSON, or text where it speaks no JSON; None for none.

    Raises Unavailable when nobody answers, InvalidInput naming each wrong field, KaryaError with the
    gateway's own words for every other problem.
    """
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return asyncio.run(_call(url, method, path, body, query, headers))


async def _call(
    url: str,
    method: str,
    path: str,
    body: Any,
    query: Mapping[str, str] | None,
    headers: Mapping[str, str],
) -> Any:
    target = URL(url + path, encoded=True)
    try:
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT, headers=headers) as session,
            session.request(method, target, json=body, params=query, allow_redirects=False) as response,
        ):
            return await _content(url, response)
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise Unavailable(f"no gateway answers at {url}: {str(error) or 'timed out'}") from None
    except ValueError as error:
        raise KaryaError(f"{url} does not answer like a Karya gateway: {error}") from None


async def _content(url: str, response: aiohttp.ClientResponse) -> Any:
    if response.status == HTTPStatus.NO_CONTENT:
        return None
    match response.content_type:
        case "application/json":
            return await response.json()
        case "application/problem+json":
            raise error_of(await response.json(content_type=_PROBLEM))
        case "text/plain" if response.ok:
            return await response.text()
        case other:
            raise KaryaError(
                f"{url} does not answer like a Karya gateway: {response.status} {response.reason}, {other}"
            )


def error_of(problem: Any) -> KaryaError:
    """The error that a problem+json answer tells."""
    if not isinstance(problem, dict):
        return KaryaError(f"the gateway answered with an odd problem: {problem!r}")
    detail = str(problem.get("detail") or problem.get("title") or "an error without words")
    match problem.get("status"):
        case 401:
            return KaryaError(f"{detail} (commands read it from KARYA_TOKEN)")
        case 422:
            return InvalidInput(_field_errors(problem.get("errors")) or [FieldError("", detail)])
        case 503:
            return Unavailable(detail)
        case _:
            return KaryaError(detail)


def _field_errors(errors: Any) -> list[FieldError]:
    entries = [entry for entry in errors if isinstance(entry, dict)] if isinstance(errors, list) else []
    return [FieldError(str(entry.get("field", "")), str(entry.get("message", ""))) for entry in entries]
