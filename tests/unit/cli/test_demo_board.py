"""The demo's table where there is no terminal."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from karya.cli.demo_board import Board, Execution, executions
from karya.core.action import NoopAction
from karya.core.job import new_job
from karya.core.spec import JobSpec
from karya.core.task import Task, TaskKind, TaskState
from karya.core.views import SummaryView

AT = datetime(2026, 11, 23, 8, tzinfo=UTC)
ROW = Execution("id", "one-time", "", AT, 1, TaskState.RUNNING, None)
DONE = replace(ROW, status=TaskState.SUCCEEDED, lateness_ms=7)


def told(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_each_end_is_told_once_and_the_table_follows(capsys: pytest.CaptureFixture[str]) -> None:
    with Board() as board:
        board.show([ROW])
        assert told(capsys) == []
        board.show([DONE])
        board.show([DONE])
        (line,) = told(capsys)
        assert line.startswith("one-time of ")
        assert line.endswith(": SUCCEEDED in attempt 1, 7 ms late")
    head, row = told(capsys)
    assert head.split() == ["job", "step", "instant", "attempt", "status", "late", "(ms)"]
    assert row.split()[-3:] == ["1", "SUCCEEDED", "7"]


def test_what_comes_back_from_the_dead_is_told_twice(capsys: pytest.CaptureFixture[str]) -> None:
    with Board() as board:
        board.show([replace(DONE, status=TaskState.DEAD, attempt=2)])
        board.show([ROW])
        board.show([DONE])
        died, came_back = told(capsys)
    assert "DEAD in attempt 2" in died
    assert "SUCCEEDED in attempt 1" in came_back


def test_a_step_that_never_ran_has_neither_attempt_nor_lateness() -> None:
    skipped = replace(ROW, step="notify", attempt=0, status=TaskState.SKIPPED)
    assert skipped.line.startswith("one-time > notify of ")
    assert skipped.line.endswith(": SKIPPED")


def test_the_rows_of_a_job_stand_together_by_instant_and_step() -> None:
    later = AT + timedelta(seconds=1)
    first = summary(["load", "extract"], ("extract", AT), ("load", later), ("load", AT), ("ON_SUCCESS", AT))
    second = summary(None, ("main", AT))
    rows = [(row.job, row.step, row.instant) for row in executions({"b": first, "a": second})]
    assert rows == [
        ("b", "load", AT),
        ("b", "extract", AT),
        ("b", "ON_SUCCESS", AT),
        ("b", "load", later),
        ("a", "", AT),
    ]


def summary(steps: list[str] | None, *tasks: tuple[str, datetime]) -> SummaryView:
    noop = {"type": "noop"}
    work: dict[str, Any] = (
        {"steps": [{"name": name, "action": noop} for name in steps]} if steps else {"action": noop}
    )
    job = new_job(JobSpec[NoopAction].model_validate(work), AT)
    found = [
        Task(
            id=f"{step} {at}",
            job_id=job.id,
            job_version=1,
            kind=TaskKind.STEP,
            step=step,
            cause="at",
            partition=0,
            instant=at,
            due_at=at,
            action="{}",
            retry=job.retry,
            created_at=at,
        )
        for step, at in tasks
    ]
    return SummaryView.of(job, AT, {}, found, [])
