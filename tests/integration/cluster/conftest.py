"""One cluster for all tests of this folder: each start costs seconds."""

from collections.abc import Iterator

import pytest

from tests.support.collector import Collector
from tests.support.diagnosis import pytest_runtest_makereport as pytest_runtest_makereport
from tests.support.running import Running, running
from tests.support.target import Target


@pytest.fixture(scope="package")
def collector() -> Iterator[Collector]:
    """Of the traces of the cluster."""
    with Collector.running() as started, pytest.MonkeyPatch.context() as environment:
        environment.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")  # milliseconds; the actors inherit it
        yield started


@pytest.fixture(scope="package")
def karya(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Running]:
    traces = {"traces.enabled": True, "traces.endpoint": collector.url}
    python = {
        "connectors.python.modules": ["tests.support.functions", "tests.support.declared_tasks"],
        "connectors.python.without_token": True,
    }
    with running(tmp_path_factory.mktemp("cluster"), **python, **traces) as started:
        yield started
        report = started.karya.audit()  # of all that the tests of this folder have done
        assert report.is_clean, report.findings


@pytest.fixture(scope="package")
def target() -> Iterator[Target]:
    with Target.running() as started:
        yield started
