"""The service in memory, behind the gateways of these tests, does what the port of the service promises: as
the server does, which runs the same suites."""

import pytest

from tests.conformance.service.suite import *  # noqa: F403 - they are collected where they are imported
from tests.support.memory_kit import MemoryKit


@pytest.fixture
def kit() -> MemoryKit:
    return MemoryKit()
