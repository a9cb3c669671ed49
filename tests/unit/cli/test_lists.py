"""Lists: a page, all pages, and the tables that they are."""

import json

import pytest
from rich.console import Console

from karya.cli import tables
from karya.cli.history import show, show_whole
from karya.cli.output import note, say, wire
from karya.cli.tables import PagedTable, show_rows
from karya.client import Client
from karya.core.errorlog import ErrorLog
from karya.core.views import ChangeView, SkipView, VersionsView
from tests.support.lists import LISTS as PAGED
from tests.support.served import Served
from tests.support.story import NOW
from tests.unit.cli.conftest import HOURLY, Run, kill

IDENT = "01a220eb-95e7-703e-9d7e-2efd35dae4c5"


def test_a_list_says_how_to_see_the_rest(karya: Run, job: str) -> None:
    karya("trigger", job)
    page = karya("tasks", job, "--limit", 1)
    assert page.stderr == "there are more: --cursor 1, or --all\n"
    rest = karya("tasks", job, "--limit", 1, "--cursor", 1)
    assert (rest.stderr, rest.exit_code) == ("", 0)
    assert rest.stdout.splitlines()[1].split()[0] != page.stdout.splitlines()[1].split()[0]


def test_names_are_shown_where_there_are_any(karya: Run) -> None:
    karya("submit", "-", text='{"action": {"type": "noop"}, "description": "without"}')
    assert "name" not in karya("jobs").stdout
    karya("submit", "-", text='{"action": {"type": "noop"}, "name": "nightly", "description": "with"}')
    head, first, second = karya("jobs").stdout.splitlines()
    assert head.split()[-2:] == ["name", "description"]
    assert first.split()[-2:] == ["nightly", "with"]
    assert second.split()[-1] == "without"


def test_ids_stay_whole_on_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tables, "out", Console(width=40))
    ident = "01a220eb-95e7-703e-9d7e-2efd35dae4c5"
    show_rows(("job", "schedule", "description"), [(ident, "0 2 * * * Asia/Tokyo", "long " * 20)], "none")
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].rstrip().split("  ") == [ident, "0 2 * * * Asia/Tokyo", "long long"]
    assert len(lines) == 11


@pytest.mark.parametrize("width", [10, 80])
def test_what_others_write_neither_steers_the_terminal_nor_breaks_a_row(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tables.out, "width", width)
    evil = ":bell: [b]\x1b[31mred\x9b2J\x07\ntwo"
    show_rows(("job", "status"), [("a", evil)], "none")
    say(evil)
    note(evil)
    said, noted = capsys.readouterr()
    shown = ":bell: [b]\\x1b[31mred\\x9b2J\\x07"
    assert said.splitlines()[1:] == [f"a    {shown} two", shown, "two"]
    assert noted == f"{shown}\ntwo\n"


def test_a_description_of_two_lines_is_one_in_a_line(karya: Run) -> None:
    told = karya("submit", "-", text='{"action": {"type": "noop"}, "description": "one\\ntwo"}')
    assert told.stdout.endswith("  one two\n")


def test_all_pages_have_one_head(served: Served, karya: Run) -> None:
    with Client(served.url) as client:
        ids = client.submit_many([HOURLY] * 230)
    served.asked.clear()
    head, *rows = karya("jobs", "--all").stdout.splitlines()
    assert head.split()[:2] == ["job", "status"]
    assert [row.split()[0] for row in rows] == [*reversed(ids)]
    assert len({row.index("ACTIVE") for row in rows} | {head.index("status")}) == 1
    assert len(served.asked) == 3
    lines = karya("jobs", "--all", "--json").stdout.splitlines()
    assert [json.loads(line)["id"] for line in lines] == [*reversed(ids)]


def test_all_tasks_and_all_letters(served: Served, karya: Run, job: str) -> None:
    for _ in range(2):
        karya("trigger", job)
    kill(served, job)
    ids = {task.id for task in served.memory.jobs.stored_tasks[job]}
    for words in (("tasks", job), ("letters", "list")):
        assert {line.split()[0] for line in karya(*words, "--all").stdout.splitlines()[1:]} == ids
    nothing = karya("letters", "list", "--all", "--job", "nope")
    assert (nothing.stdout, nothing.stderr) == ("", "no dead letters\n")


def test_all_users_and_all_tokens(served: Served, karya: Run) -> None:
    with Client(served.url) as client:
        users = [client.add_user(f"user {number}").id for number in range(130)]
        tokens = [client.issue_token(users[0]).token.id for _ in range(130)]
    for words, ids in ((("user", "list"), users), (("token", "list", "user 0"), tokens)):
        page = karya(*words)
        assert (len(page.stdout.splitlines()), page.stderr[:24]) == (21, "there are more: --cursor")
        whole = karya(*words, "--all")
        assert [line.split()[0] for line in whole.stdout.splitlines()[1:]] == sorted(ids, reverse=True)
        assert whole.stderr == ""
        lines = karya(*words, "--all", "--json").stdout.splitlines()
        assert [json.loads(line)["id"] for line in lines] == sorted(ids, reverse=True)
    assert karya("token", "list", "user 1", "--all").stderr == "no tokens\n"


def test_a_whole_history(served: Served, karya: Run, job: str) -> None:
    with Client(served.url) as client:
        for _ in range(60):
            client.pause(job)
            client.resume(job)
    page = karya("history", job, "--limit", 2)
    assert [line.split()[1] for line in page.stdout.splitlines()] == ["what", "resumed", "paused"]
    assert page.stderr == "there are more: --cursor 2, or --all\n"
    rest = karya("history", job, "--limit", 100, "--cursor", 100)
    assert rest.stdout.splitlines()[-1].split()[1] == "submitted"
    kinds = ["resumed", "paused"] * 60 + ["submitted"]
    _, *rows = karya("history", job, "--all").stdout.splitlines()
    assert [row.split()[1] for row in rows] == kinds
    lines = karya("history", job, "--all", "--json").stdout.splitlines()
    assert [json.loads(line)["kind"] for line in lines] == kinds


def test_what_was_skipped_is_a_table_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    change = ChangeView(at=NOW, kind="submitted", version=1, spec={})
    skip = SkipView(first=NOW, last=NOW, count=1, reason="late", at=NOW)
    first = VersionsView(changes=(change,), skipped=(skip,), next_cursor="c")
    last = VersionsView(changes=(), skipped=(skip, skip), next_cursor=None)
    show_whole([first, last], as_json=False)
    show(wire(last))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if not line.startswith("2026")] == ["at", "first", "first"]
    assert sum(line.rstrip().endswith("late") for line in lines) == 5


def test_all_errors(served: Served, karya: Run, job: str) -> None:
    (task,) = served.memory.jobs.stored_tasks[job]
    served.memory.jobs.logs = [
        ErrorLog.of(job, task.id, number, number, "step", f"error {number}", NOW)
        for number in range(130, 0, -1)
    ]
    texts = [f"error {number}" for number in range(130, 0, -1)]
    for words, heads in ((("errors", job), 1), (("task", task.id), 2)):
        page = karya(*words, "--limit", 2)
        assert [line.rstrip()[-9:] for line in page.stdout.splitlines()[heads:]] == texts[:2]
        assert page.stderr == "there are more: --cursor 2, or --all\n"
        rest = karya(*words, "--cursor", 128)
        assert [line.rstrip()[-7:] for line in rest.stdout.splitlines()[heads:]] == texts[128:]
        assert rest.stderr == ""
        whole = karya(*words, "--all").stdout.splitlines()
        assert [line.rstrip()[line.index("error ") :] for line in whole[heads:]] == texts
        lines = karya(*words, "--all", "--json").stdout.splitlines()
        assert [json.loads(line)["error"] for line in lines] == texts
    served.memory.jobs.logs = []
    assert karya("errors", job).stderr == "no errors\n"


def test_all_that_waits(served: Served, karya: Run, job: str) -> None:
    for _ in range(129):
        karya("trigger", job)
    ids = [task.id[:8] for task in served.memory.jobs.stored_tasks[job]]
    page = karya("why", job, "--limit", 2)
    first, second, *rows = [line.split()[0] for line in page.stdout.splitlines()]
    assert (first, second, {*rows}) == (job, "task", {*ids[:2]})
    assert page.stderr == "there are more: --cursor 2, or --all\n"
    assert karya("why", job, "--cursor", 128).stderr == ""
    whole = karya("why", job, "--all")
    assert whole.stdout.splitlines()[0] == page.stdout.splitlines()[0]
    assert {line.split()[0] for line in whole.stdout.splitlines()[2:]} == {*ids}
    lines = karya("why", job, "--all", "--json").stdout.splitlines()
    assert sorted(json.loads(line)["task_id"][:8] for line in lines) == sorted(ids)


LISTS = [
    *("jobs", "tasks JOB", "why JOB", "errors JOB", "history JOB", "task TASK"),
    *("letters list", "user list", "token list ada"),
]


def test_these_are_all_lists() -> None:
    named = [one.removesuffix(" JOB").removesuffix(" TASK").removesuffix(" ada") for one in LISTS]
    assert sorted(named) == sorted(one.command for one in PAGED.values())


@pytest.mark.parametrize(
    "words", [f"{one} --all {other}" for one in LISTS for other in ("--watch", "--cursor 1")]
)
def test_all_is_every_page_once(words: str, karya: Run) -> None:
    done = karya(*words.split())
    named = "--watch" if "--watch" in words else "--cursor"
    assert (done.exit_code, done.stderr) == (2, f"karya: --all lists every page, once: leave out {named}\n")


@pytest.mark.parametrize("width", [40, 100, 200])
def test_later_pages_keep_the_columns_of_the_first(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tables, "out", Console(width=width))
    table = PagedTable(("job", "action", "attempts", "status", "description"))
    for text in ("long " * 20, "short", "long " * 9):
        table.show([(IDENT, text, "1", "ACTIVE", text), (IDENT, text, "22", "ACTIVE", "")])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines if "status" in line] == [
        ["job", "action", "attempts", "status", "description"]
    ]
    assert len({line.index("ACTIVE") for line in lines if IDENT in line}) == 1
    assert sum(IDENT in line for line in lines) == 6


def test_what_stays_whole_widens_its_column_from_there_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tables, "out", Console(width=80))
    table = PagedTable(("schedule", "status"))
    for schedule in ("once", "every PT1H, 3 times", "once"):
        table.show([(schedule, "ACTIVE")])
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split("  ")[0] == "every PT1H, 3 times"
    assert [line.rstrip().rindex(" ") for line in lines] == [9, 9, 20, 20]
