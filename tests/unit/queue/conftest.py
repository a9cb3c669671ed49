"""The stage on which the tests of the queue play."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from tests.unit.queue.stage import Stage


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        yield Stage(stack)
