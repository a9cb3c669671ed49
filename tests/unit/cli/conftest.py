"""One gateway for the commands of this folder, emptied for each test."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from karya.cli.main import app
from karya.client import Client
from karya.core.task import TaskState
from tests.support.served import Served

Run = Callable[..., Result]
HOURLY: Any = {"action": {"type": "noop"}, "schedule": {"kind": "interval", "every": "PT1H"}}
START = datetime(2026, 11, 23, tzinfo=UTC)


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


@pytest.fixture
def job(served: Served) -> str:
    with Client(served.url) as client:
        return client.submit(HOURLY).id


def kill(served: Served, job: str) -> None:
    """All tasks of the job are dead letters, of a millisecond each."""
    tasks = served.memory.jobs.stored_tasks[job]
    for number, task in enumerate(tasks):
        dead = {"status": TaskState.DEAD, "finished_at": START + timedelta(milliseconds=number)}
        tasks[number] = task.model_copy(update={**dead, "error": "boom"})
