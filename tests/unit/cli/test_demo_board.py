"""The demo's table where there is no terminal."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from karya.cli.demo_board import Board, Execution
from karya.core.task import TaskState

ROW = Execution("id", "one-time", datetime(2026, 11, 23, 8, tzinfo=UTC), 1, TaskState.RUNNING, None)


def test_each_end_is_told_once_and_the_table_follows(capsys: pytest.CaptureFixture[str]) -> None:
    done = replace(ROW, status=TaskState.SUCCEEDED, lateness_ms=7)
    with Board() as board:
        board.show([ROW])
        assert capsys.readouterr().out == ""
        board.show([done])
        board.show([done])
        (line,) = capsys.readouterr().out.splitlines()
        assert line.startswith("one-time of ")
        assert line.endswith(": SUCCEEDED in attempt 1, 7 ms late")
    head, row = capsys.readouterr().out.splitlines()
    assert head.split() == ["job", "instant", "attempt", "status", "late", "(ms)"]
    assert row.split()[-3:] == ["1", "SUCCEEDED", "7"]
