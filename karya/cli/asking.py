"""One question to the gateway while somebody waits at a half-written line: short, and without a word."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlencode, urlsplit

from karya.cli.calls import gateway_url
from karya.core.errors import KaryaError

SECONDS = 1.0


def asked(url: str | None, data_dir: Path | None, path: str, **query: Any) -> Mapping[str, Any]:
    """The JSON object that the gateway of `gateway_url` answers; an empty one when none does within a second,
    or it refuses.

    Not by the client, which takes longer to be loaded than all else here takes together. In a thread that
    nobody waits for at the end, since a resolver may take any time over the name of a host.
    """
    answers: list[Mapping[str, Any]] = []

    def ask() -> None:
        with suppress(KaryaError, HTTPException, OSError, ValueError):
            answers.append(_answer(gateway_url(url, data_dir), f"{path}?{urlencode(_given(query))}"))

    thread = Thread(target=ask, daemon=True)
    thread.start()
    thread.join(SECONDS)
    return answers[0] if answers else {}


def _given(query: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in query.items() if value}


def _answer(url: str, path: str) -> Mapping[str, Any]:
    where = urlsplit(url)
    if where.scheme not in ("http", "https") or not where.hostname:
        raise ValueError(f"no gateway can be at {url!r}")
    kind = HTTPSConnection if where.scheme == "https" else HTTPConnection
    connection = kind(where.netloc, timeout=SECONDS)
    token = os.environ.get("KARYA_TOKEN", "").strip()
    connection.request(
        "GET", where.path.rstrip("/") + path, headers={"authorization": f"Bearer {token}"} if token else {}
    )
    reply = connection.getresponse()
    found = json.load(reply) if reply.status == 200 else {}
    return found if isinstance(found, dict) else {}
