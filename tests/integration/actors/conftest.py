"""The real store, and the actors as plain classes on it: no Ray, no sockets."""

from collections.abc import AsyncIterator

import pytest

from tests.conformance.store.kit import StoreKit
from tests.integration.actors.crew import Crew
from tests.integration.actors.desk import Desk
from tests.support.mongo import Mongo, kit, mongo, prepared

__all__ = ["Mongo", "crew", "desk", "kit", "mongo", "prepared"]


@pytest.fixture
async def crew(kit: StoreKit) -> AsyncIterator[Crew]:
    made = Crew(kit)
    yield made
    await made.end()


@pytest.fixture
async def desk(kit: StoreKit) -> AsyncIterator[Desk]:
    made = Desk(kit)
    yield made
    await made.end()
