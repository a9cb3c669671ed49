"""Exit codes: each is reached by a command, and those that only some commands have, by these."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner, Result

from karya.cli import apply, moving, watching
from karya.cli.exits import ONLY, Exit, Interrupted, Partly, TimedOut, exit_for
from karya.cli.main import app
from karya.cli.stored import Stored
from karya.client.many import ManyCalls
from karya.core.audit.findings import Code, Finding
from karya.core.errors import (
    ConfigError,
    Conflict,
    DataDirectoryInUse,
    Forbidden,
    InvalidInput,
    KaryaError,
    NotFound,
    StoreUnavailable,
    Unauthenticated,
)
from karya.core.queries import LetterQuery
from karya.core.views import BulkView, FindingView, Readiness
from tests.support.served import Served
from tests.support.target import Target, respond
from tests.unit.cli.conftest import HOURLY, Run, kill


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KaryaError("x"), 1),
        (ConfigError("x"), 2),
        (DataDirectoryInUse("x"), 2),
        (InvalidInput.at("x", "y"), 2),
        (StoreUnavailable("x"), 5),
        (NotFound("job", "x"), 6),
        (Conflict("x"), 7),
        (Forbidden("x"), 8),
        (Unauthenticated("x"), 8),
        (TimedOut("x"), 10),
        (Partly(Conflict("x")), 12),
        (Interrupted("x"), 130),
    ],
)
def test_each_kind_of_failure_has_its_exit_code(error: KaryaError, code: int) -> None:
    assert exit_for(error) == code
    assert code in list(Exit)


NOOP = json.dumps({"action": {"type": "noop"}})
DECLARED = json.dumps({**HOURLY, "name": "nightly"})


def failed(served: Served, karya: Run, job: str) -> Result:
    with Target.running() as target:
        target.script(respond(200, "<html>"))
        return CliRunner().invoke(app, ["jobs", "--url", target.url])


def not_ready(served: Served, karya: Run, job: str) -> Result:
    served.memory.jobs.ready = Readiness(ready=False, reasons={"scheduler": "it is away"})
    return karya("status")


def violations(served: Served, karya: Run, job: str) -> Result:
    finding = Finding(Code.MISSING_INSTANT, job, "neither has a task nor is skipped")
    served.memory.jobs.wrong = {job: (FindingView.of(finding),)}
    return karya("audit")


def unavailable(served: Served, karya: Run, job: str) -> Result:
    served.memory.jobs.failure = StoreUnavailable("MongoDB does not acknowledge")
    return karya("status")


def conflict(served: Served, karya: Run, job: str) -> Result:
    karya("cancel", job)
    return karya("pause", job)


def tasks_failed(served: Served, karya: Run, job: str) -> Result:
    karya("cancel", job)
    return karya("wait", job)


CASES: Mapping[Exit, Callable[[Served, Run, str], Result]] = {
    Exit.OK: lambda served, karya, job: karya("job", job),
    Exit.FAILED: failed,
    Exit.USAGE: lambda served, karya, job: karya("jobs", "--limit", 0),
    Exit.NOT_READY: not_ready,
    Exit.VIOLATIONS: violations,
    Exit.UNAVAILABLE: unavailable,
    Exit.NOT_FOUND: lambda served, karya, job: karya("job", "nope"),
    Exit.CONFLICT: conflict,
    Exit.DENIED: lambda served, karya, job: karya("jobs", token="karya_x"),
    Exit.TASKS_FAILED: tasks_failed,
    Exit.TIMED_OUT: lambda served, karya, job: karya("wait", job, "--timeout", 0),
    Exit.DIFFERENT: lambda served, karya, job: karya("apply", "-", "--dry-run", text=DECLARED),
    Exit.PARTLY: lambda served, karya, job: karya("submit-many", "-", "--chunk", 1, text=f"{NOOP}\n{{}}"),
    Exit.INTERRUPTED: lambda served, karya, job: karya("jobs", "--watch"),
}


@pytest.mark.parametrize("code", Exit)
def test_each_code_is_that_of_a_command(
    code: Exit, served: Served, karya: Run, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "sleep", interrupt)
    done = CASES[code](served, karya, job)
    assert done.exit_code == code, done.output
    assert isinstance(done.exception, SystemExit | None), done.exc_info


def interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_codes_of_some_commands_name_commands_that_exist() -> None:
    for words in (words for several in ONLY.values() for words in several):
        help_of = CliRunner().invoke(app, [*words.split(), "--help"])
        assert help_of.exit_code == 0, words


def test_letters_are_moved_partly(
    served: Served, karya: Run, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    karya("trigger", job)
    kill(served, job)
    one_by_one = moving.slices
    monkeypatch.setattr(moving, "slices", lambda died: one_by_one(died, 1))

    answers = iter([BulkView(count=1)])

    async def then_away(query: LetterQuery) -> BulkView:
        for answer in answers:
            return answer
        raise StoreUnavailable("MongoDB does not acknowledge")

    monkeypatch.setattr(served.memory.jobs, "redrive_all", then_away)
    done = karya("letters", "redrive", "--all")
    assert (done.exit_code, done.stderr) == (
        Exit.PARTLY,
        "karya: 1 of 2 are redriven; the same again goes on with the rest\n"
        "karya: MongoDB does not acknowledge\n",
    )


@pytest.mark.parametrize(
    ("error", "code"), [(StoreUnavailable("MongoDB is away"), Exit.PARTLY), (KeyboardInterrupt(), 130)]
)
def test_what_is_applied_partly_is_told_however_it_broke_off(
    error: BaseException, code: int, karya: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = 0

    def create(stored: Stored, specs: object) -> None:
        nonlocal done
        done += 1
        if done > 2:
            raise error

    monkeypatch.setattr(apply, "AT_ONCE", 1)
    monkeypatch.setattr(Stored, "create", create)
    jobs = "\n---\n".join(json.dumps({**HOURLY, "name": name}) for name in "abcd")
    broken = karya("apply", "-", "--yes", text=jobs)
    assert broken.exit_code == code
    assert broken.stderr.splitlines()[-2] == "karya: 2 of 4 are done; apply again to see what is left"


def test_ctrl_c_at_a_question_and_a_no_change_nothing(
    karya: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    declared = tmp_path / "a.json"
    declared.write_text(DECLARED)
    terminal = SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr(apply, "sys", terminal)
    no = karya("apply", declared, text="n\n")
    assert (no.exit_code, no.stderr.endswith("karya: nothing was changed\n")) == (Exit.FAILED, True)
    nobody = karya("apply", declared, text="")
    assert (nobody.exit_code, nobody.stderr.splitlines()[-1]) == (130, "karya: nothing was changed")


def test_submitting_tells_the_key_also_when_it_is_interrupted(
    served: Served, karya: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ManyCalls, "submit_all", interrupt)
    done = karya("submit-many", "-", "--key", "mail", text=NOOP)
    assert done.exit_code == Exit.INTERRUPTED
    assert "0 of 1 jobs are stored; the same again with --key mail" in done.stderr


def test_what_breaks_off_before_anything_is_done_ends_with_its_cause(karya: Run) -> None:
    done = karya("submit-many", "-", "--chunk", 1, text=f"{{}}\n{NOOP}")
    assert done.exit_code == Exit.USAGE
    assert "0 of 2 jobs are stored" in done.stderr
