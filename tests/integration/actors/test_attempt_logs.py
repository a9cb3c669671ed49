"""What is logged of an attempt says whose it is, and nothing that its target said."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from karya.actors import janitor, worker
from karya.actors.logs import configure_logs
from karya.core.outcome import Failure, Outcome
from karya.core.ports import AttemptContext
from karya.core.settings import LogSettings
from karya.core.task import TaskState
from tests.integration.actors.crew import Crew
from tests.support.actions import Actions
from tests.support.away import Away
from tests.support.soon import soon
from tests.support.story import a_job

SECRET = "hunter22"


class Talkative(Actions):
    """Its target repeats what it was called with, and the library that called it logs it."""

    async def run(self, action: str, context: AttemptContext) -> Outcome:
        logging.getLogger("some.library").warning("calling https://ada:%s@target/", SECRET)
        await super().run(action, context)
        return Failure(f"the target said: no entry for {SECRET}", permanent=True, code="http.403")


class Lines:
    """What was logged so far."""

    def __init__(self, out: io.StringIO) -> None:
        self._out = out

    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._out.getvalue().splitlines()]

    def of(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.all() if line["event"] == event]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    out = io.StringIO()
    monkeypatch.setattr("sys.stdout", out)
    root = logging.getLogger()
    handlers = list(root.handlers)
    configure_logs(LogSettings(format="json"), "worker-0")
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(out))  # pytest has its own by then
    monkeypatch.setattr(worker, "log", structlog.get_logger("karya.worker"))
    yield Lines(out)
    structlog.reset_defaults()
    root.handlers = handlers


async def test_a_failing_task_is_named_and_tells_no_secret(crew: Crew, lines: Lines) -> None:
    hints = await crew.store(a_job(), a_job())
    mate = crew.worker(Talkative(), owner="worker-0@host/1-abc")
    mate.line.send(*hints)
    for hint in hints:
        await crew.becomes(hint, TaskState.DEAD)
    await soon(lambda: len(lines.of("attempt_failed")) == 2)
    said = {line["task"]: line for line in lines.of("attempt_failed")}
    heard = {line["task"]: line for line in lines.all() if line.get("logger") == "some.library"}
    for hint in hints:
        ids = {"job": hint.job_id, "task": hint.task_id, "attempt": 1, "worker": "worker-0@host/1-abc"}
        for line in (said[hint.task_id], heard[hint.task_id]):
            assert {key: line[key] for key in ids} == ids
    line = said[hints[0].task_id]
    assert (line["level"], line["reason"], line["dead"]) == ("warning", "http_4xx", True)
    assert SECRET not in json.dumps(lines.all())


async def test_a_lost_attempt_is_named(crew: Crew, lines: Lines) -> None:
    (hint,) = await crew.store(a_job())
    actions = Actions()
    actions.gate.clear()
    mate = crew.worker(actions)
    mate.line.send(hint)
    await soon(lambda: actions.started)
    crew.kit.time.advance(60)
    (task,) = await crew.kit.claims.expired(9)
    verdict = janitor._verdict(task, crew.kit.time.now)
    assert verdict is not None
    await crew.kit.commits.commit([verdict], crew.kit.time.now)
    actions.gate.set()
    await soon(lambda: lines.of("attempt_lost"))
    (line,) = lines.of("attempt_lost")
    assert (line["job"], line["task"], line["attempt"]) == (hint.job_id, hint.task_id, 1)


async def test_an_attempt_that_breaks_is_not_silent(
    crew: Crew, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody awaits the task that it runs in."""
    commits = Away(crew.kit.commits)

    async def commit(*_: Any) -> Any:
        raise KeyError("of a later version")

    monkeypatch.setattr(commits, "commit", commit, raising=False)
    (hint,) = await crew.store(a_job())
    crew.worker(Actions(), commits=commits).line.send(hint)
    await soon(lambda: lines.of("attempt_broke"))
    (line,) = lines.of("attempt_broke")
    assert (line["level"], line["task"], line["job"]) == ("error", hint.task_id, hint.job_id)
    assert "of a later version" in json.dumps(line)
