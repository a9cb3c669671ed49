"""A database of its own, and silence."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from tests.model.world.databases import Databases


@pytest.fixture(scope="module", autouse=True)
def silence() -> Iterator[None]:
    """What the actors log of a hundred thousand events costs more than judging them."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


@pytest.fixture(scope="session")
def databases(mongod_url: str) -> Iterator[Databases]:
    databases = Databases(mongod_url)
    yield databases
    databases.raw.client.drop_database(databases.raw.name)
    databases.close()
