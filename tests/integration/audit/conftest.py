"""The real store, and a world on it."""

import pytest

from tests.conformance.store.kit import StoreKit
from tests.support.mongo import Mongo, kit, mongo, prepared
from tests.support.world import World

__all__ = ["Mongo", "kit", "mongo", "prepared"]


@pytest.fixture
def world(kit: StoreKit) -> World:
    return World(kit)
