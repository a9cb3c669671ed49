"""What the commands print, on a real gateway over services in memory."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from karya.cli import bar, output, watching
from karya.cli.bar import Bar
from karya.cli.exits import Exit
from karya.cli.moving import slices
from karya.cli.output import note, show_instants, show_rows
from karya.client import Client
from karya.core.errors import Unavailable
from karya.core.task import TaskState
from tests.support.served import Served
from tests.unit.cli.conftest import Run

HOURLY: Any = {"action": {"type": "noop"}, "schedule": {"kind": "interval", "every": "PT1H"}}
START = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture
def job(served: Served) -> str:
    with Client(served.url) as client:
        return client.submit(HOURLY).id


def kill(served: Served, job: str, state: TaskState = TaskState.DEAD) -> None:
    """All tasks of the job end like this, a millisecond apart."""
    tasks = served.memory.jobs.stored_tasks[job]
    for number, task in enumerate(tasks):
        at = START + timedelta(milliseconds=number)
        tasks[number] = task.model_copy(update={"status": state, "finished_at": at, "error": "boom"})


def test_many_jobs_are_submitted_and_their_ids_printed(served: Served, karya: Run) -> None:
    done = karya("submit-many", "-", "--chunk", 2, text=json.dumps([HOURLY] * 5))
    assert done.exit_code == 0
    assert done.stdout.split() == list(served.memory.jobs.jobs)
    assert done.stderr == "5 jobs submitted\n"


def test_a_batch_that_breaks_off_goes_on_under_its_key(served: Served, karya: Run) -> None:
    wrong = [HOURLY, HOURLY, {"action": {"type": "nope"}}]
    broken = karya("submit-many", "-", "--chunk", 2, "--key", "mail", text=json.dumps(wrong))
    assert broken.exit_code == 2
    assert broken.stderr.startswith("karya: 2 of 3 jobs are stored; the same again with --key mail stores")
    assert "refused: 2.action.type: one of" in broken.stderr
    done = karya("submit-many", "-", "--chunk", 2, "--key", "mail", "--json", text=json.dumps([HOURLY] * 3))
    assert json.loads(done.stdout) == {"count": 3, "ids": list(served.memory.jobs.jobs)}


def test_the_same_key_submits_and_triggers_once(served: Served, karya: Run) -> None:
    text = json.dumps(HOURLY)
    first, second = (karya("submit", "-", "--key", "a", "--json", text=text).stdout for _ in range(2))
    assert first == second
    job = json.loads(first)["id"]
    for _ in range(2):
        assert karya("trigger", job, "--key", "b").exit_code == 0
    assert len(served.memory.jobs.stored_tasks[job]) == 2


def test_a_list_says_how_to_see_the_rest(karya: Run, job: str) -> None:
    karya("trigger", job)
    page = karya("tasks", job, "--limit", 1)
    assert page.stderr == "there are more: --cursor 1\n"
    rest = karya("tasks", job, "--limit", 1, "--cursor", 1)
    assert (rest.stderr, rest.exit_code) == ("", 0)
    assert rest.stdout.splitlines()[1].split()[0] != page.stdout.splitlines()[1].split()[0]


def test_instants_are_one_a_line(karya: Run, job: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(karya("next", job, "--limit", 3).stdout.splitlines()) == 3
    show_instants({"instants": ["A", "B"], "due_at": ["A", "C"]})
    show_instants({"instants": ["A"], "due_at": []})
    show_instants({"instants": [], "due_at": []})
    assert capsys.readouterr() == ("A\nB  due at C\nA\n", "no instant is left\n")


def test_the_history_of_a_job_is_a_table(karya: Run, job: str) -> None:
    karya("pause", job)
    rows = karya("history", job).stdout.splitlines()
    assert [row.split()[1:] for row in rows[1:]] == [["paused", "1"], ["submitted", "1"]]


def test_waiting_tells_by_its_exit_code_how_the_job_ended(served: Served, karya: Run, job: str) -> None:
    late = karya("wait", job, "--timeout", 0.1)
    assert (late.exit_code, f"`karya why {job}` says what it waits for" in late.stderr) == (10, True)
    karya("cancel", job)
    cancelled = karya("wait", job)
    assert (cancelled.exit_code, cancelled.stderr) == (9, "karya: it was cancelled\n")
    assert karya("wait", "nope").exit_code == 6


def test_each_letter_is_redriven_once_slice_by_slice(
    served: Served, karya: Run, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(6):
        karya("trigger", job)
    kill(served, job)
    done = karya("letters", "redrive", "--job", job)
    assert (done.stdout, done.exit_code) == ("7 dead letters redriven\n", 0)
    kill(served, job)
    assert karya("letters", "discard", "--all", "--json").stdout == '{\n  "count": 7\n}\n'
    nothing = karya("letters", "redrive", "--text", "zzz")
    assert nothing.stdout == "0 dead letters redriven\n"
    both = karya("letters", "redrive", "x", "--all")
    assert (both.exit_code, "not both" in both.stderr) == (2, True)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_slices_hold_each_instant_once_and_in_order(size: int) -> None:
    died = [START + timedelta(milliseconds=number) for number in (0, 0, 0, 1, 2, 2, 2, 2, 5, 9, 9)]
    parts = list(slices(reversed(died), size))
    held = [[at for at in died if part.after <= at < part.before] for part in parts]
    assert [at for part in held for at in part] == died
    assert all(held)
    assert list(slices([], size)) == []


def test_whoami(served: Served, karya: Run) -> None:
    assert karya("whoami").stdout == "nobody by name, admin: this gateway asks for no token\n"
    karya("user", "add", "ada", "--role", "viewer")
    secret = karya("token", "create", "ada").stdout.strip()
    assert karya("whoami", token=secret).stdout.endswith("  viewer  ada\n")
    unknown = karya("jobs", token="karya_x")
    assert (unknown.exit_code, "read the token from KARYA_TOKEN" in unknown.stderr) == (8, True)


def test_metrics_as_they_are_and_for_programs(karya: Run) -> None:
    assert karya("metrics").stdout == "karya_up 1\n"
    (sample,) = json.loads(karya("metrics", "--json").stdout)
    assert sample == {"name": "karya_up", "labels": {}, "value": 1.0}


def test_a_job_is_watched_until_it_has_ended(
    served: Served, karya: Run, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[float] = []

    def wait(seconds: float) -> None:
        looked.append(seconds)
        if len(looked) == 2:
            karya("cancel", job)

    monkeypatch.setattr(watching, "sleep", wait)
    lines = karya("job", job, "--watch", "--every", 0.5, "--json").stdout.splitlines()
    assert [json.loads(line)["job"]["status"] for line in lines] == ["ACTIVE", "ACTIVE", "CANCELLED"]
    assert looked == [0.5, 0.5]
    assert karya("job", job, "--watch").stdout.count(f"{job}  CANCELLED") == 1


@pytest.mark.parametrize("command", [("jobs",), ("letters", "list"), ("status",), ("job", "JOB")])
def test_watching_ends_with_ctrl_c(
    command: tuple[str, ...], karya: Run, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(watching, "sleep", interrupt)
    done = karya(*(job if word == "JOB" else word for word in command), "--watch")
    assert (done.exit_code, done.stderr.splitlines()[-1]) == (130, "karya: interrupted")


def test_who_watches_the_status_sees_it_come_back(
    served: Served, karya: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.memory.jobs.failure = Unavailable("the server restarts")

    def come_back(seconds: float) -> None:
        if served.memory.jobs.failure is None:
            raise KeyboardInterrupt
        served.memory.jobs.failure = None

    monkeypatch.setattr(watching, "sleep", come_back)
    first, second = map(json.loads, karya("status", "--watch", "--json").stdout.splitlines())
    assert (first["ready"], first["reasons"]) == (False, {"gateway": "the server restarts"})
    assert second["ready"]


def test_on_a_terminal_each_look_takes_the_place_of_the_one_before(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(watching, "out", Console(file=screen, force_terminal=True, width=80))
    monkeypatch.setattr(watching, "sleep", lambda _: None)
    looks = iter([{"n": 1}, {"n": 2}])

    def show(seen: Mapping[str, Any]) -> None:
        print(f"look {seen['n']}")
        note("there are more")

    last = watching.shown(
        lambda: next(looks), show, as_json=False, watch=True, until=lambda seen: seen["n"] == 2
    )
    assert last == {"n": 2}
    first, _, second = screen.getvalue().partition("look 2")
    assert first.index("look 1") < first.index("there are more") < first.index("\x1b[1A")  # up again
    assert "there are more" in second
    assert capsys.readouterr() == ("", "")


def test_progress_is_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(bar, "err", Console(file=screen, force_terminal=True, width=80))
    with Bar("submitted", 2000) as told:
        told(1000)
    assert told.done == 1000
    assert "1000/2000" in screen.getvalue()


def test_progress_is_a_line_now_and_then_elsewhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    monkeypatch.setattr(bar.time, "monotonic", lambda: now[0])
    with Bar("submitted", 2000) as told:
        told(1000)
        now[0] = 6.0
        told(1500)
    assert capsys.readouterr().err == "submitted 1,500 of 2,000 …\n"


def test_completion_for_a_shell_knows_commands_and_states() -> None:
    words = {
        "_KARYA_COMPLETE": "complete_bash",
        "_TYPER_COMPLETE_ARGS": "karya jobs --status P",
        "COMP_CWORD": "3",
    }
    done = subprocess.run(
        [sys.executable, "-c", "from karya.cli.main import app; app(prog_name='karya')"],
        env={**os.environ, **words, "COMP_WORDS": "karya jobs --status P"},
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["PAUSED"], done.stderr


def test_names_are_shown_where_there_are_any(karya: Run) -> None:
    karya("submit", "-", text='{"action": {"type": "noop"}, "description": "without"}')
    assert "name" not in karya("jobs").stdout
    karya("submit", "-", text='{"action": {"type": "noop"}, "name": "nightly", "description": "with"}')
    head, first, second = karya("jobs").stdout.splitlines()
    assert head.split()[-2:] == ["name", "description"]
    assert first.split()[-2:] == ["nightly", "with"]
    assert second.split()[-1] == "without"


@pytest.mark.parametrize("ident", ["a/b", "a?b", "a#b", "a%b", "..", ""])
@pytest.mark.parametrize("command", ["job", "cancel", "wait", "task", "letters redrive", "token revoke"])
def test_an_id_of_any_characters_is_not_found(command: str, ident: str, karya: Run) -> None:
    done = karya(*command.split(), ident)
    assert done.exit_code == Exit.NOT_FOUND, done.output
    assert repr(ident) in done.stderr


def test_half_a_character_is_refused_by_name(karya: Run) -> None:
    assert karya("job", "a\udcff").exit_code == Exit.NOT_FOUND
    done = karya("jobs", "--tag", "a\udcff")
    assert (done.exit_code, done.stderr) == (
        Exit.USAGE,
        "karya: refused: tag: 'a\\udcff' is no text: it holds half a character\n",
    )


@pytest.mark.parametrize("locale", ["C", "POSIX"])
def test_every_locale_reads_and_writes_utf_8(locale: str, served: Served) -> None:
    bare = {"LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for words in ("submit -", "jobs", "jobs --json"):
        command = [sys.executable, "-c", "from karya.cli.main import app; app()", *words.split()]
        text = '{"action": {"type": "noop"}, "description": "jöb"}'.encode()
        done = subprocess.run(
            [*command, "--url", served.url], input=text, capture_output=True, env={**os.environ, **bare}
        )
        assert done.returncode == 0, done.stderr
        assert "jöb" in done.stdout.decode()


def test_ids_stay_whole_on_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(output, "out", Console(width=40))
    ident = "01a220eb-95e7-703e-9d7e-2efd35dae4c5"
    show_rows(("job", "status", "description"), [(ident, "ACTIVE", "long " * 20)], "none")
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == [ident, "ACTIVE", "long", "long"]
    assert len(lines) == 11
