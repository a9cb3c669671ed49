"""What the commands print, on a real gateway over services in memory."""

import io
import json
import os
import subprocess
import sys
from datetime import timedelta

import pytest
from rich.console import Console
from typer.testing import CliRunner

from karya.cli import bar, output
from karya.cli.bar import Bar
from karya.cli.exits import Exit
from karya.cli.main import app
from karya.cli.moving import slices
from karya.cli.output import Progress, show_instants
from tests.support.served import Served
from tests.unit.cli.conftest import HOURLY, START, Run, kill


def test_many_jobs_are_submitted_and_their_ids_printed(served: Served, karya: Run) -> None:
    done = karya("submit-many", "-", "--chunk", 2, text=json.dumps([HOURLY] * 5))
    assert done.exit_code == 0
    assert done.stdout.split() == list(served.memory.jobs.jobs)
    assert done.stderr == "5 jobs submitted\n"


def test_a_batch_that_breaks_off_goes_on_under_its_key(served: Served, karya: Run) -> None:
    wrong = [HOURLY, HOURLY, {"action": {"type": "nope"}}]
    broken = karya("submit-many", "-", "--chunk", 2, "--key", "mail", text=json.dumps(wrong))
    assert broken.exit_code == Exit.PARTLY
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
    monkeypatch.setattr(output.time, "monotonic", lambda: now[0])
    with Bar("submitted", 2000) as told:
        told(1000)
        now[0] = 6.0
        told(1500)
        told(1600)
    assert capsys.readouterr().err == "submitted 1,500 of 2,000 …\n"


def test_steps_are_told_one_by_one_or_only_the_long_ones(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    monkeypatch.setattr(output.time, "monotonic", lambda: now[0])
    with Progress() as each, Progress(seldom=True) as seldom:
        each("starting")
        each("going on")
        seldom("page 1")
        now[0] = 6.0
        seldom("page 2")
        seldom("page 3")
    assert capsys.readouterr().err == "starting …\ngoing on …\npage 2 …\n"


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("karya jobs --status P", ["PAUSED"]),
        ("karya letters re", ["redrive"]),
        ("karya user add bob --role v", ["viewer"]),
        ("karya up --log-level w", ["warning"]),
        ("karya events --kind karya.sch", [f"karya.scheduler{end}" for end in ("", ".elected", ".resigned")]),
        ("karya submit jo", []),  # then bash itself looks for files
    ],
)
def test_completion_for_a_shell_knows_commands_and_values(line: str, found: list[str]) -> None:
    words = {"_KARYA_COMPLETE": "complete_bash", "COMP_CWORD": str(line.count(" ")), "COMP_WORDS": line}
    done = CliRunner(env=words).invoke(app, prog_name="karya")
    assert done.stdout.split() == found, done.output


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
