"""How long works show how far they are."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from karya.cli import bar, sheets
from karya.cli.bar import Bar
from karya.cli.output import Progress, into_a_file
from karya.core.views.overview import AtLeast
from tests.support.served import Served
from tests.unit.cli.conftest import HOURLY, Run


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What a terminal gets as standard error."""
    screen = io.StringIO()
    monkeypatch.setattr(bar, "err", Console(file=screen, force_terminal=True, width=80))
    return screen


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that the bars are told."""
    now = [0.0]
    monkeypatch.setattr(bar.time, "monotonic", lambda: now[0])
    return now


def test_progress_is_a_bar_on_a_terminal(screen: io.StringIO) -> None:
    with Bar("submitted", 2000) as told:
        told(1000)
    assert told.done == 1000
    assert "1000/2000" in screen.getvalue()


def test_of_an_unknown_number_it_is_counted_what_is_done(screen: io.StringIO) -> None:
    with Bar("read {set} [b]") as told:
        assert list(told.each("abc")) == ["a", "b", "c"]
    assert (told.done, told.standing) == (3, "3")
    assert "read {set} [b]" in screen.getvalue()
    assert " 3 " in screen.getvalue()


def test_what_is_printed_meanwhile_stands_alone(screen: io.StringIO) -> None:
    with Bar("audited") as told:
        with told.aside():
            before = screen.getvalue()
            assert before.endswith("\x1b[1A\x1b[2K")  # the bar has been wiped away
            told(1)
            assert screen.getvalue() == before
        assert len(screen.getvalue()) > len(before)


def test_progress_is_a_line_now_and_then_elsewhere(
    now: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with Bar("submitted", 2000) as told, Bar("read") as read:
        told(1000)
        now[0] = 6.0
        told(1500)
        told(1600)
        read(1700)
    assert capsys.readouterr().err == "submitted 1,500 of 2,000 …\nread 1,700 …\n"


def test_a_quiet_one_shows_nothing(
    screen: io.StringIO, now: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with Bar("read", 2, quiet=True) as told:
        now[0] = 6.0
        assert [*told.each("ab")] == ["a", "b"]
    assert told.done == 2
    assert (screen.getvalue(), capsys.readouterr().err) == ("", "")


def test_steps_are_told_one_by_one(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress() as tell:
        tell("starting")
        tell("going on")
    assert capsys.readouterr().err == "starting …\ngoing on …\n"


DECLARED = json.dumps({**HOURLY, "name": "nightly", "set": "reports"})
OTHERS = json.dumps(HOURLY)
LONG = (
    ("audit", ["audited jobs"]),
    ("export --all", ["read", "1/6"]),
    ("export --set reports", ["read"]),
    ("simulate --for 1h", ["read", "1/6", "computed", "1/1"]),
    ("submit-many -", ["submitted", "1/1"]),
    ("letters redrive --all", ["found"]),
    ("apply - --yes --set reports --prune", ["compared", "1/1", "of the set reports"]),
)
"""Each long work, and what its bar shows, where the gateway says that 6 jobs live."""


@pytest.mark.parametrize(("command", "shown"), LONG)
def test_long_works_have_a_bar_but_none_for_programs(
    command: str, shown: list[str], served: Served, karya: Run, screen: io.StringIO
) -> None:
    live = {"active": AtLeast(count=5), "paused": AtLeast(count=1)}
    served.memory.overview.view = served.memory.overview.view.model_copy(update=live)
    karya("submit", "-", text=DECLARED)
    assert screen.getvalue() == ""
    text = OTHERS if command == "submit-many -" else DECLARED
    done = karya(*command.split(), text=text)
    assert done.exit_code == 0, done.output
    assert [words for words in shown if words not in screen.getvalue()] == []
    screen.truncate(0)
    assert karya(*command.split(), "--json", text=text).exit_code == 0
    assert screen.getvalue().strip("\0") == ""


@pytest.mark.parametrize("to_a_file", [True, False])
def test_a_whole_list_has_a_bar_where_it_is_not_seen_to_come(
    to_a_file: bool, karya: Run, job: str, screen: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheets, "into_a_file", lambda: to_a_file)
    assert job in karya("jobs", "--all").stdout
    assert ("listed" in screen.getvalue()) == to_a_file


def test_only_a_file_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path, is_file in ((tmp_path / "list", True), (Path("/dev/null"), False)):
        with path.open("w") as stream:
            monkeypatch.setattr("sys.stdout", stream)
            assert into_a_file() == is_file
    monkeypatch.setattr("sys.stdout", io.StringIO())
    assert not into_a_file()


def test_what_is_exported_as_json_is_applied_again(served: Served, karya: Run, tmp_path: Path) -> None:
    for name in ("first", "second"):
        karya("submit", "-", text=json.dumps({**HOURLY, "name": name}))
    written = karya("export", "--all", "--json").stdout
    assert [job["name"] for job in json.loads(written)] == ["first", "second"]
    assert "2 unchanged" in karya("apply", "-", "--dry-run", text=written).stdout
    file = tmp_path / "jobs.json"
    assert karya("export", "--all", "--json", "-o", file).stderr == f"karya: 2 jobs written to {file}\n"
    assert file.read_text() == written
    assert json.loads(karya("export", "--tag", "nope", "--json").stdout) == []
