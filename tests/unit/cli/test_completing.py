"""What shells are told, by the protocol in which they ask."""

import os
import shlex
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from karya.cli import asking, completing
from karya.cli.main import app
from karya.client import TOKEN, Client
from tests.support.served import Served
from tests.unit.cli.conftest import HOURLY, Run, kill

KARYA = [sys.executable, "-c", "from karya.cli.main import app; app(prog_name='karya')"]


def completed(line: str, **settings: str | None) -> list[str]:
    """What bash is told about the last word of this line."""
    words = {"_KARYA_COMPLETE": "complete_bash", "COMP_CWORD": str(line.count(" ")), "COMP_WORDS": line}
    done = CliRunner(env={**words, **settings}).invoke(app, prog_name="karya")
    assert done.stderr == ""
    return done.stdout.split()


def asked_by_a_shell(shell: str, line: str, **settings: str) -> str:
    """The same of any shell, in a process as it starts one."""
    words = {"_KARYA_COMPLETE": f"complete_{shell}", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    other = {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    environment = {**os.environ, **words, **other, **settings}
    done = subprocess.run(KARYA, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


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
def test_commands_and_words_of_karya_are_known_without_a_gateway(line: str, found: list[str]) -> None:
    assert completed(line) == found


class World:
    """Jobs, a dead letter and a user."""

    def __init__(self, served: Served, client: Client) -> None:
        spec = {**HOURLY, "name": "nightly", "tags": ["blue", "big"], "set": "reports"}
        self.active = client.submit(spec).id
        self.paused = client.submit(HOURLY).id
        client.pause(self.paused)
        self.user = client.add_user("ada").id
        self.other = client.add_user("grace hopper").id
        kill(served, self.active)
        self.letter = served.memory.jobs.stored_tasks[self.active][0].id


@pytest.fixture
def world(served: Served) -> Iterator[World]:
    with Client(served.url) as client:
        yield World(served, client)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        *((f"karya {command} ", ["paused", "active"]) for command in ("job", "cancel", "why", "wait")),
        *((f"karya {command} ", ["active"]) for command in ("pause", "trigger", "skip")),
        ("karya resume ", ["paused"]),
        ("karya update ", ["paused", "active"]),
        ("karya audit --job ", ["paused", "active"]),
        ("karya events --job ", ["paused", "active"]),
        ("karya letters list --job ", ["active"]),
        *((f"karya letters {verb} ", ["letter"]) for verb in ("show", "redrive", "discard")),
        ("karya task ", ["letter"]),
        ("karya jobs --user ", ["other", "user"]),
    ],
)
def test_ids_are_those_of_what_is_there(line: str, found: list[str], world: World, served: Served) -> None:
    told = completed(line, KARYA_URL=served.url)
    assert sorted(told) == sorted(getattr(world, name) for name in found)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("karya jobs --name n", ["nightly"]),
        ("karya jobs --tag b", ["big", "blue"]),
        ("karya export --tag bl", ["blue"]),
        *((f"karya {command} --set ", ["reports"]) for command in ("jobs", "export", "apply jobs.yaml")),
        ("karya letters redrive --step ", ["main"]),
        ("karya letters list --job nobody --step ", []),
        ("karya token create ", ["ada"]),  # a space in a name would be two words
        ("karya user change a", ["ada"]),
        ("karya user add a", []),
    ],
)
def test_names_are_those_of_what_is_there(line: str, found: list[str], world: World, served: Served) -> None:
    assert sorted(completed(line, KARYA_URL=served.url)) == found


def test_the_gateway_is_the_one_that_the_line_names(world: World, served: Served, tmp_path: Path) -> None:
    assert completed(f"karya resume --url {served.url} ") == [world.paused]
    assert completed(f"karya resume --data-dir {tmp_path} ", KARYA_URL=served.url) == []


def test_no_more_than_a_hundred_are_told_by_one_question(served: Served) -> None:
    with Client(served.url) as client:
        client.submit_many([HOURLY] * 130)
    served.asked.clear()
    assert len(completed("karya job ", KARYA_URL=served.url)) == 100
    assert [*served.asked] == [("GET", "/v1/jobs")]


def test_who_is_not_let_in_is_told_nothing(served: Served, world: World, karya: Run) -> None:
    assert completed("karya job ", KARYA_URL=served.url, KARYA_TOKEN="karya_wrong") == []
    karya("user", "add", "eve", "--role", "viewer")
    secret = karya("token", "create", "eve").stdout.strip()
    assert completed("karya token list ", KARYA_URL=served.url, KARYA_TOKEN=secret) == []
    assert TOKEN == "KARYA_TOKEN"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1", "localhost:8080", "http://a:b@c", "nonsense", "http://[", ""]
)
def test_where_no_gateway_is_nothing_is_told(url: str, tmp_path: Path) -> None:
    assert completed("karya job ", KARYA_URL=url, KARYA_DATA_DIR=str(tmp_path)) == []


def test_an_answer_of_somebody_else_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for answer in ({}, {"jobs": [{"id": "a"}]}, {"jobs": 3}, {"jobs": [3]}, {"jobs": None}):
        monkeypatch.setattr(asking, "_answer", lambda url, path, answer=answer: answer)
        assert completed("karya job ", KARYA_URL="http://x") == []


def test_who_takes_the_call_and_says_nothing_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert asked_by_a_shell("bash", "karya job ", KARYA_URL=url).split() == []


def test_a_resolver_that_thinks_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    found = threading.Event()
    monkeypatch.setattr(asking, "SECONDS", 0.01)
    job = {"id": "too-late", "name": "", "description": "", "status": "ACTIVE"}
    monkeypatch.setattr(asking, "_answer", lambda url, path: {"jobs": [job], "at": found.wait(10)})
    assert completed("karya job ", KARYA_URL="http://x") == []
    found.set()


EVIL = "\\$(touch pwned) `id` \"'; [red]x:y\\"


def test_shells_are_told_nothing_that_they_would_run(served: Served, world: World) -> None:
    with Client(served.url) as client:
        evil = client.submit({**HOURLY, "description": EVIL}).id
    told = asked_by_a_shell("zsh", f"karya job {evil}", KARYA_URL=served.url)
    assert told.strip() == f"""_arguments '*: :(("{evil}":"touch pwned id red x y"))'"""
    told = asked_by_a_shell("fish", f"karya job {world.active}", KARYA_URL=served.url)
    assert told.strip() == f"{world.active}\tnightly"
    unfit = [(value, "") for value in ("$(id)", "a b", "-rf", "*", "a\\", None)]
    assert [*completing._told([*unfit, ("b:c", "*"), ("b:c", "again")])] == [("b:c", "")]


def test_bash_itself_completes(served: Served, world: World, tmp_path: Path) -> None:
    command = tmp_path / "karya"
    command.write_text(f'#!/bin/sh\nexec {shlex.join(KARYA)} "$@"\n')
    command.chmod(0o755)
    script = """
        eval "$(_KARYA_COMPLETE=source_bash karya)"
        COMP_WORDS=(karya resume ""); COMP_CWORD=2
        _karya_completion karya
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    path = f"{tmp_path}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "KARYA_URL": served.url}
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == (f"{world.paused}\n", "")
