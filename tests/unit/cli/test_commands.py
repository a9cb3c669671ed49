"""What the commands print, on a real gateway over services in memory."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from karya.cli.exits import Exit
from karya.cli.main import app
from karya.cli.output import show_instants
from tests.support.served import Served
from tests.unit.cli.conftest import HOURLY, Run


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


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ("version: 3", "version: unknown field; --version N says which version is to be changed"),
        ("job_id: x", "job_id: unknown field; the id stands before the file"),
        ("self: x", "self: unknown field"),
        ("colour: x", "colour: unknown field"),
        ("1: x", "-:1: "),
        ("", "changes are a mapping with the fields to change"),
        ("{}", "nothing to change: give at least one field of the job"),
    ],
)
def test_a_change_of_what_no_job_has_is_refused_by_name(changes: str, why: str, karya: Run, job: str) -> None:
    done = karya("update", job, "-", text=changes)
    assert done.exit_code == Exit.USAGE
    assert done.stderr.startswith(f"karya: refused: {why}")


def test_a_declared_field_that_no_job_has_is_told_from_those_that_are_there(karya: Run) -> None:
    declared = {**HOURLY, "name": "nightly", "retry": {"max_attemps": 3}}
    done = karya("apply", "-", "--yes", text=json.dumps(declared))
    assert done.exit_code == Exit.USAGE
    assert "retry.max_attemps: unknown field; did you mean max_attempts?" in done.stderr


def test_nothing_is_applied_where_nothing_is_declared(karya: Run, tmp_path: Path) -> None:
    karya("submit", "-", text=json.dumps({**HOURLY, "name": "nightly", "set": "reports"}))
    (tmp_path / "jobs.yaml").write_text("# no job is left\n")
    done = karya("apply", tmp_path, "--set", "reports", "--prune", "--yes")
    assert (done.exit_code, done.stderr.startswith(f"karya: no job is declared in {tmp_path}: ")) == (2, True)
    assert "ACTIVE" in karya("jobs").stdout


def test_the_help_of_all_commands_is_in_panels() -> None:
    shown = CliRunner(env={"COLUMNS": "100"}).invoke(app, ["--help"]).stdout
    panels = ("Options", "Cluster", "Jobs: submit", "Jobs: declare", "Jobs: look", "Jobs: steer", "Users")
    assert [line.split("─")[1].strip() for line in shown.splitlines() if line.startswith("╭─")] == [*panels]
    assert "[[" not in CliRunner().invoke(app, ["letters", "redrive", "--help"]).stdout


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


def test_metrics_by_their_names(served: Served, karya: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    text = '# HELP karya_due Late.\n# TYPE karya_due gauge\nkarya_due{a="late"} 1.0\nkarya_late 2.0\n'

    async def metrics() -> bytes:
        return text.encode()

    monkeypatch.setattr(served.memory.jobs, "metrics", metrics)
    assert karya("metrics", "due").stdout == text.removesuffix("karya_late 2.0\n")
    assert karya("metrics", "late", "nope").stdout == "karya_late 2.0\n"
    assert (karya("metrics", "nope").stdout, karya("metrics", "nope").stderr) == ("", "no such metrics\n")
    assert [one["name"] for one in json.loads(karya("metrics", "karya", "--json").stdout)] == [
        "karya_due",
        "karya_late",
    ]


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
