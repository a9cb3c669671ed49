"""A database in memory where there is room: the model writes a lot, and kills no mongod."""

import logging
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from karya.store.embedded import EmbeddedMongod
from tests.model.world.databases import Databases

_MEMORY = Path("/dev/shm")
_ROOM = 2 * 1024**3


@pytest.fixture(scope="module", autouse=True)
def silence() -> Iterator[None]:
    """What the actors log of a hundred thousand events costs more than judging them."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    has_room = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM
    place = Path(tempfile.mkdtemp(prefix="karya-model-", dir=_MEMORY if has_room else None))
    mongod = EmbeddedMongod(place)
    try:
        mongod.start()
        databases = Databases(mongod.url)
        yield databases
        databases.close()
    finally:
        mongod.stop()
        shutil.rmtree(place)
