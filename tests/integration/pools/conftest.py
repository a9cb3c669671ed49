"""One cluster with several pools for all tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.support.running import Running, running
from tests.support.target import Target


@pytest.fixture(scope="package")
def karya(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """`side` has a worker of its own; `nobody` wants one that finds no node."""
    pools = {
        "pools.side.slots": 3,
        "pools.nobody.count": 0,
        "pools.nobody.max_count": 1,
        "pools.nobody.resources.nowhere": 1,
    }
    with running(tmp_path_factory.mktemp("pools"), **pools) as started:
        yield started


@pytest.fixture(scope="package")
def target() -> Iterator[Target]:
    with Target.running() as started:
        yield started
