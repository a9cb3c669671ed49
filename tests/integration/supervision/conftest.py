"""One cluster for all tests of this folder, with a pool that may grow."""

from collections.abc import Iterator

import pytest

from tests.support.diagnosis import pytest_runtest_makereport as pytest_runtest_makereport
from tests.support.running import Running, running
from tests.support.target import Target

SLOTS = 4
POOL = {
    "worker.count": 1,
    "worker.max_count": 3,
    "worker.slots": SLOTS,
    "worker.shrink_after": "PT4S",
    "worker.grace": "PT10S",
    "worker.lease": "PT8S",
}
"""Leases outlast a machine that stands still for three seconds: no test here is about that."""


@pytest.fixture(scope="package")
def karya(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("supervised"), **POOL) as started:
        yield started


@pytest.fixture(scope="package")
def target() -> Iterator[Target]:
    with Target.running() as started:
        yield started


@pytest.fixture(autouse=True)
def whole(karya: Running) -> Iterator[None]:
    """A test begins with a whole cluster and leaves one behind: no failure is that of the one before."""
    try:
        karya.ready(30)
    except AssertionError as error:
        pytest.fail(f"not begun, as an earlier test left the cluster broken: {error}")
    yield
    karya.ready()
