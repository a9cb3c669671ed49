"""One cluster for all tests of this folder: each start costs seconds."""

from collections.abc import Generator, Iterator

import pytest

from tests.support.diagnosis import diagnosis
from tests.support.running import Running, running
from tests.support.target import Target


@pytest.fixture(scope="package")
def karya(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    python = {
        "connectors.python.modules": ["tests.support.functions"],
        "connectors.python.without_token": True,
    }
    with running(tmp_path_factory.mktemp("cluster"), **python) as started:
        yield started


@pytest.fixture(scope="package")
def target() -> Iterator[Target]:
    with Target.running() as started:
        yield started


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Adds to the report of a failure what the cluster was like just then."""
    report = yield
    karya = getattr(item, "funcargs", {}).get("karya")
    if report.failed and isinstance(karya, Running):
        try:
            found = diagnosis(karya)
        except Exception as error:
            found = repr(error)  # the failure itself matters more
        report.sections.append((f"the cluster after the {report.when}", found))
    return report
