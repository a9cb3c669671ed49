"""`--watch`: one look after the other."""

import io
import json
from collections.abc import Mapping
from typing import Any

import pytest
from rich.console import Console

from karya.cli import watching
from karya.cli.output import note
from karya.core.audit.findings import Code, Finding
from karya.core.errors import Unavailable
from karya.core.views import FindingView
from tests.support.served import Served
from tests.unit.cli.conftest import Run, kill

OF_ALL = ("jobs", "letters list", "status", "overview", "user list", "audit")
OF_ONE = ("job JOB", "tasks JOB", "why JOB", "next JOB", "task TASK", "history JOB", "token list ada")


@pytest.fixture
def task(served: Served, job: str) -> str:
    return served.memory.jobs.stored_tasks[job][0].id


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


@pytest.mark.parametrize("command", [*OF_ALL, *OF_ONE])
def test_watching_looks_again_until_ctrl_c(
    command: str, karya: Run, job: str, task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[float] = []

    def wait(seconds: float) -> None:
        looked.append(seconds)
        if len(looked) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(watching, "sleep", wait)
    karya("user", "add", "ada")
    words = [{"JOB": job, "TASK": task}.get(word, word) for word in command.split()]
    done = karya(*words, "--watch", "--every", 7, "--json")
    assert (done.exit_code, done.stderr) == (130, "karya: interrupted\n")
    assert looked == [7, 7, 7]
    seen = [json.loads(line).keys() for line in done.stdout.splitlines()]
    assert seen == 3 * [json.loads(karya(*words, "--json").stdout).keys()]


def test_a_task_is_watched_until_it_has_ended(
    served: Served, karya: Run, job: str, task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "sleep", lambda _: kill(served, job))
    lines = karya("task", task, "--watch", "--json").stdout.splitlines()
    assert [json.loads(line)["task"]["status"] for line in lines] == ["READY", "DEAD"]


def test_the_ledger_is_watched_until_it_is_violated(
    served: Served, karya: Run, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    finding = FindingView.of(Finding(Code.MISSING_INSTANT, job, "neither has a task nor is skipped"))
    looked: list[float] = []

    def wait(seconds: float) -> None:
        looked.append(seconds)
        served.memory.jobs.wrong = {job: (finding,)}

    monkeypatch.setattr(watching, "sleep", wait)
    done = karya("audit", "--watch")
    lines = done.stdout.splitlines()
    assert (done.exit_code, looked) == (4, [60.0])
    assert [line for line in lines if line in ("clean", "1 violation")] == ["clean", "1 violation"]
    assert sum(line.startswith("missing_instant (") for line in lines) == 1


def test_only_a_cluster_is_audited_again_and_again(karya: Run) -> None:
    done = karya("audit", "--watch", "--mongo-url", "mongodb://127.0.0.1:1")
    assert (done.exit_code, "--watch needs a cluster that runs" in done.stderr) == (2, True)


def test_who_watches_waits_for_a_gateway_that_is_away_but_not_for_one_that_never_was(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(watching, "sleep", lambda _: None)
    away = Unavailable("the server restarts")
    looks: list[Mapping[str, Any] | Unavailable] = [{"n": 1}, away, away, {"n": 2}, away, {"n": 3}, away]

    def look() -> Mapping[str, Any]:
        if isinstance(seen := looks.pop(0), Unavailable):
            raise seen
        return seen

    def watched() -> Mapping[str, Any]:
        return watching.shown(
            look,
            lambda seen: print(seen["n"]),
            as_json=False,
            watch=True,
            until=lambda seen: seen["n"] == 3,
        )

    assert watched() == {"n": 3}
    told = "karya: the server restarts; looking again\n"
    assert capsys.readouterr() == ("1\n2\n3\n", told + told)
    with pytest.raises(Unavailable):
        watched()


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
