"""Starts in fractions of a millisecond, from where they are noted to where they are read."""

import asyncio
import os
import sys
from array import array
from datetime import UTC, datetime, timedelta
from importlib.metadata import entry_points
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench import noted, notes
from bench.noted import NotedAction, NotedConnector, NotedSettings
from bench.notes import installed_for, noted_lags
from karya.core.outcome import Success
from karya.core.ports import AttemptContext

AT = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
LATER = AT + timedelta(seconds=1)


def attempt(instant: datetime) -> AttemptContext:
    return AttemptContext(task_id="t", job_id="j", attempt=1, token=1, instant=instant)


@pytest.fixture
def began(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the clock of the machine says next."""
    times: list[float] = []
    monkeypatch.setattr(noted, "time", SimpleNamespace(time=lambda: times.pop(0)))
    monkeypatch.setattr(noted, "HANDED_OVER_SECONDS", 0)
    return times


def test_lags_have_fractions_and_are_those_of_the_range(tmp_path: Path, began: list[float]) -> None:
    connector = NotedConnector(NotedSettings(folder=tmp_path))

    async def run(*instants: datetime) -> None:
        for instant in instants:
            assert await connector.run(NotedAction(), attempt(instant)) == Success()
        async with asyncio.timeout(10):
            while connector._notes:
                await asyncio.sleep(0)

    began += [AT.timestamp() + 0.00075, LATER.timestamp() + 0.0125]
    asyncio.run(run(AT, LATER))
    began += [AT.timestamp() + 0.00025]
    asyncio.run(run(AT))
    assert noted_lags(tmp_path, AT, AT, 2) == pytest.approx([0.25, 0.75], abs=0.001)
    assert noted_lags(tmp_path, AT, LATER, 3) == pytest.approx([0.25, 0.75, 12.5], abs=0.001)


def test_a_note_half_written_is_left_for_later(tmp_path: Path) -> None:
    whole = array("d", [AT.timestamp(), AT.timestamp() + 0.001]).tobytes()
    (tmp_path / "1").write_bytes(whole + whole[:11])
    assert noted_lags(tmp_path, AT, AT, 1) == pytest.approx([1.0], abs=0.001)


def test_starts_that_nobody_noted_are_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes, "_PATIENCE_SECONDS", 0)
    with pytest.raises(TimeoutError, match="of 1 starts only 0 were noted"):
        noted_lags(tmp_path, AT, AT, 1)


def test_the_connector_is_there_while_it_is_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    path = list(sys.path)
    with installed_for(tmp_path):
        (point,) = entry_points(group="karya.connectors", name="noted")
        assert point.load() is NotedConnector
        assert os.environ["PYTHONPATH"].split(os.pathsep)[-1] == "/elsewhere"
    assert not entry_points(group="karya.connectors", name="noted")
    assert (sys.path, os.environ["PYTHONPATH"]) == (path, "/elsewhere")
