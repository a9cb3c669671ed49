"""What the tests of the rest connector begin with."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from aiohttp.abc import AbstractResolver

from karya.connectors.rest import RestConnector, RestSettings
from karya.core.action import RestAction
from karya.core.ports import Tools
from tests.unit.connectors.conformance import CONTEXT

EVENT = '{"specversion":"1.0","id":"0193-task","source":"/jobs/0193-job","type":"karya.on_failure"}'
HOOK = replace(CONTEXT, event=EVENT)


def settings(**fields: Any) -> RestSettings:
    """Settings that let loopback targets be called."""
    addresses = {"allow_private": True} | fields.pop("addresses", {})
    return RestSettings.model_validate({"addresses": addresses, **fields})


@asynccontextmanager
async def opened(
    configured: RestSettings | None = None, names: AbstractResolver | None = None, tools: Tools | None = None
) -> AsyncIterator[RestConnector]:
    """A connector, open for the length of the block."""
    connector = RestConnector(configured or settings(), names)
    await connector.open(tools or Tools())
    try:
        yield connector
    finally:
        await connector.close()


def action(url: str, seconds: float = 30, **fields: Any) -> RestAction:
    """A rest action with a time-out, which only who asks for a short one meets."""
    return RestAction(url=url, timeout=timedelta(seconds=seconds), **fields)


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
