"""What tests of every kind share."""

from collections.abc import Iterator

import pytest

from karya.store.embedded import EmbeddedMongod
from tests.support.parallel import pytest_xdist_auto_num_workers, pytest_xdist_make_scheduler

__all__ = ["mongod_url", "pytest_xdist_auto_num_workers", "pytest_xdist_make_scheduler"]


@pytest.fixture(scope="session")
def mongod_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real MongoDB for the whole session. Use a database of your own in it, and leave none behind."""
    mongod = EmbeddedMongod(tmp_path_factory.mktemp("mongod"))
    mongod.start()
    yield mongod.url
    mongod.stop()
