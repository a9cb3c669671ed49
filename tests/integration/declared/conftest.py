"""A real gateway over the server on the real store; nothing runs the jobs, and no Ray is needed."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from karya.api.serve import Gateway
from karya.cli.main import app
from karya.core.clock import SystemClock
from karya.core.settings import GatewaySettings
from tests.conformance.store.kit import StoreKit
from tests.integration.actors.counter import Counter
from tests.support.memory_services import MemoryServices
from tests.support.mongo import Mongo, kit, mongo, prepared

__all__ = ["Mongo", "kit", "mongo", "prepared"]

Command = Callable[..., "asyncio.Future[Result]"]


@pytest.fixture
async def server(kit: StoreKit, mongo: Mongo) -> Counter:
    return Counter(kit, mongo, clock=SystemClock())


@pytest.fixture
async def karya(server: Counter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Command]:
    """Runs one command against the gateway, in a thread: commands block."""
    monkeypatch.chdir(tmp_path)
    memory = MemoryServices().services
    services = replace(memory, jobs=server.server)
    gateway = Gateway(services, GatewaySettings(port=0))
    await gateway.start()

    async def run(*arguments: str, text: str = "", **environment: str) -> Result:
        runner = CliRunner(env=environment)
        return await asyncio.to_thread(runner.invoke, app, [*arguments, "--url", gateway.url], input=text)

    yield run
    await gateway.stop()
