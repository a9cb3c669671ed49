"""One gateway for the commands of this folder, emptied for each test."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from karya.cli.main import app
from tests.support.served import Served

Run = Callable[..., Result]


@pytest.fixture(scope="package")
def package_served() -> Iterator[Served]:
    with Served.running() as served:
        yield served


@pytest.fixture
def served(package_served: Served) -> Iterator[Served]:
    yield package_served
    package_served.clear()


@pytest.fixture
def karya(served: Served) -> Run:
    """Runs a command on that gateway, to its end."""

    def run(*arguments: Any, text: str = "", token: str | None = None) -> Result:
        given = [*map(str, arguments), "--url", served.url]
        return CliRunner(env={"KARYA_TOKEN": token}).invoke(app, given, input=text)

    return run
