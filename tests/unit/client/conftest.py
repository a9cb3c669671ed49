"""One gateway for all tests of this folder, emptied for each."""

from collections.abc import Iterator

import pytest

from karya.client import Client
from tests.support.served import Served
from tests.support.target import Target


@pytest.fixture(scope="package")
def package_served() -> Iterator[Served]:
    with Served.running() as served:
        yield served


@pytest.fixture
def served(package_served: Served) -> Iterator[Served]:
    yield package_served
    package_served.clear()


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    with Client(served.url) as client:
        yield client


@pytest.fixture(scope="package")
def target() -> Iterator[Target]:
    with Target.running() as target:
        yield target
