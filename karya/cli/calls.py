"""One call of the gateway for a command: where it is, and with which token."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

TOKEN = "KARYA_TOKEN"  # noqa: S105 - the name of a variable
"""The environment variable with the token, where the gateway asks for one."""


def ask(
    url: str | None,
    data_dir: Path | None,
    method: str,
    path: str,
    body: Any = None,
    query: Mapping[str, str | None] | None = None,
) -> Any:
    """The gateway's answer as data; queries that are None are left out. Raises what `client.call` raises."""
    from karya.cli.client import call, gateway_url

    given = {name: value for name, value in (query or {}).items() if value is not None}
    return call(gateway_url(url, data_dir), method, path, body, given, os.environ.get(TOKEN))


def job_path(job_id: str) -> str:
    """The path of a job."""
    return f"/v1/jobs/{quote(job_id, safe='')}"
