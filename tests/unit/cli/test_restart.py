"""What `karya restart` makes of the progress that the supervisor tells."""

import time
from typing import Any, cast

import pytest

from karya.actors.cluster.rolling import Progress
from karya.cli import restart
from karya.cli.exits import Exit, exit_for
from karya.cli.restart import _steps
from karya.core.errors import KaryaError


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restart, "_PAUSE", 0)


class Told:
    """A supervisor that says this, one after the other."""

    def __init__(self, *progress: Progress | None) -> None:
        self._progress = list(progress)

    def progress(self) -> Progress | None:
        return self._progress.pop(0) if len(self._progress) > 1 else self._progress[0]


def stepped(*progress: Progress | None, seconds: float = 10) -> tuple[list[str], list[str]]:
    """Which steps are named, and what is said to be done."""
    done: list[str] = []
    steps = _steps(cast(Any, Told(*progress)), time.monotonic() + seconds, done.append)
    return list(steps), done


def test_each_turn_is_named_once_and_what_was_done_is_told() -> None:
    ended = Progress(2, ("one", "two"), ended=True)
    said = stepped(None, Progress(2, (), "a"), Progress(2, (), "a"), Progress(2, ("one",), "b"), ended)
    assert said == (["restarting a (1 of 2)", "restarting b (2 of 2)"], ["one", "two"])


@pytest.mark.parametrize(("done", "code"), [((), Exit.FAILED), (("one",), Exit.PARTLY)])
def test_a_restart_that_stops_says_after_how_many(done: tuple[str, ...], code: Exit) -> None:
    with pytest.raises(KaryaError, match=f"stopped after {len(done)} of 3: it does not start") as stopped:
        stepped(Progress(3, done, error="it does not start"))
    assert exit_for(stopped.value) == code


def test_one_that_takes_longer_goes_on_without_the_command() -> None:
    with pytest.raises(KaryaError, match="still goes on") as late:
        stepped(Progress(3, (), "a"), seconds=-1)
    assert exit_for(late.value) == Exit.TIMED_OUT
