"""What tests of every kind share."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from karya.store.embedded import EmbeddedMongod
from tests.support.parallel import pytest_xdist_auto_num_workers, pytest_xdist_make_scheduler

__all__ = ["mongod_url", "pytest_xdist_auto_num_workers", "pytest_xdist_make_scheduler"]

# How long an example takes says how busy the machine is, and nothing of what it is an example of.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

_MEMORY = Path("/dev/shm")
_ROOM = 4 * 1024**3


@pytest.fixture(scope="session")
def mongod_url() -> Iterator[str]:
    """A real MongoDB for the whole session. Use a database of your own in it, and leave none behind.

    Nobody kills it, and it is written a lot: it lies in memory where there is room.
    """
    has_room = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM
    with tempfile.TemporaryDirectory(prefix="karya-tests-", dir=_MEMORY if has_room else None) as place:
        mongod = EmbeddedMongod(place)
        try:
            mongod.start()
            yield mongod.url
        finally:
            mongod.stop()
