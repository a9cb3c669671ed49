"""A database of its own, and silence."""

import logging
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

import pytest
import structlog

from tests.model.world.databases import Databases


@pytest.fixture(scope="module", autouse=True)
def silence() -> Iterator[None]:
    """What the actors log of a hundred thousand events costs more than judging them."""
    before = structlog.get_config()
    structlog.configure([_failing], structlog.make_filtering_bound_logger(logging.ERROR))
    yield
    structlog.configure(**before)


@pytest.fixture(scope="session")
def databases(mongod_url: str) -> Iterator[Databases]:
    databases = Databases(mongod_url)
    yield databases
    databases.raw.client.drop_database(databases.raw.name)
    databases.close()


def _failing(_: Any, __: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """What the janitor survives is still an error of ours; all else that is logged says nothing here."""
    if event["event"] in ("chore_failed", "cancel_failed"):
        raise AssertionError(event)
    raise structlog.DropEvent
