"""What the API does, a command does."""

import re
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.main import get_command

from karya.cli.main import app
from karya.client import Client
from karya.core.task import TaskState
from tests.support.served import Served
from tests.unit.cli.conftest import Run

NOOP = '{"action": {"type": "noop"}}'
HOURLY = '{"action": {"type": "noop"}, "schedule": {"kind": "interval", "every": "PT1H"}}'

COMMANDS: Mapping[str, tuple[str, str]] = {
    "add_user": ("user add bob", ""),
    "audit_ledger": ("audit", ""),
    "cancel_job": ("cancel JOB", ""),
    "change_user": ("user change ada --weight 3", ""),
    "check_readiness": ("status", ""),
    "discard_letter": ("letters discard TASK", ""),
    "discard_letters": ("letters discard --all", ""),
    "explain_job": ("why JOB", ""),
    "get_job": ("wait JOB --timeout 0", ""),
    "get_summary": ("job JOB", ""),
    "get_task": ("task TASK", ""),
    "issue_token": ("token create ada", ""),
    "list_errors": ("errors JOB", ""),
    "list_jobs": ("jobs", ""),
    "list_letters": ("letters list", ""),
    "list_occurrences": ("next JOB", ""),
    "list_tasks": ("tasks JOB", ""),
    "list_tokens": ("token list ada", ""),
    "list_users": ("user list", ""),
    "list_versions": ("history JOB", ""),
    "pause_job": ("pause JOB", ""),
    "preview_job": ("preview -", HOURLY),
    "redrive_letter": ("letters redrive TASK", ""),
    "redrive_letters": ("letters redrive --all", ""),
    "resume_job": ("resume JOB", ""),
    "revoke_token": ("token revoke TOKEN", ""),
    "show_caller": ("whoami", ""),
    "show_metrics": ("metrics", ""),
    "show_overview": ("overview", ""),
    "skip_next_occurrence": ("skip JOB", ""),
    "submit_batch": ("submit-many -", f"{NOOP}\n{NOOP}\n"),
    "submit_job": ("submit -", NOOP),
    "trigger_job": ("trigger JOB", ""),
    "update_job": ("update JOB -", '{"tags": ["new"]}'),
}
"""The command for each operation, and what it reads."""

REASONS: Mapping[str, str] = {
    "check_batch": "`karya apply` asks it about the jobs of its files, before it does anything",
    "check_health": "it only says that one process answers; `karya status` says more",
    "listen_to_events": "`karya events` follows them for ever: see tests/unit/cli/test_events.py",
    "show_index": "it lists addresses, for those who look at the gateway with a browser or curl",
    "show_openapi": "it is for programs that write clients, which fetch it by themselves",
}
"""Why an operation has none."""

NAMES = {"job": "job_id", "from": "since", "to": "until", "set": "label"}
"""How parameters of the API are called in a command, where that differs (or may)."""


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    with Served.running() as served, urllib.request.urlopen(f"{served.url}/openapi.json") as answer:
        content: dict[str, Any] = orjson.loads(answer.read())
        return content


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and description of each."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def command_named(words: str) -> Any:
    """The command that these words start."""
    command: Any = get_command(app)
    for word in words.split():
        command = command.commands[word] if hasattr(command, "commands") else command
    return command


def test_each_operation_has_a_command_or_a_reason(document: dict[str, Any]) -> None:
    named = {operation["operationId"] for _, _, operation in operations(document)}
    assert named == COMMANDS.keys() | REASONS.keys()
    assert not COMMANDS.keys() & REASONS.keys()


@pytest.fixture
def world(served: Served) -> Mapping[str, str]:
    """A job with a dead letter, a user with a token: their ids."""
    with Client(served.url) as client:
        job = client.submit({"action": {"type": "noop"}, "schedule": {"kind": "interval", "every": "PT1H"}})
        ada = client.add_user("ada")
        token = client.issue_token(ada.id).token
        client.trigger(job.id)
    tasks = served.memory.jobs.stored_tasks[job.id]
    dead = {"status": TaskState.DEAD, "finished_at": tasks[1].created_at}
    tasks[1] = tasks[1].model_copy(update=dead)
    served.asked.clear()
    return {"JOB": job.id, "TASK": tasks[1].id, "TOKEN": token.id}


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_command_does_it(
    name: str, as_json: bool, document: dict[str, Any], world: Mapping[str, str], served: Served, karya: Run
) -> None:
    words, text = COMMANDS[name]
    arguments = [world.get(word, word) for word in words.split()]
    done = karya(*arguments, *(["--json"] if as_json else []), text=text)
    assert done.exit_code == (10 if name == "get_job" else 0), done.output
    asked = {
        operation["operationId"]
        for method, path, operation in operations(document)
        for said, called in served.asked
        if said == method and re.fullmatch(path.replace("{id}", "[^/]+"), called)
    }
    assert name in asked
    if as_json and done.exit_code == 0:
        orjson.loads(done.stdout)


def test_each_parameter_of_a_query_is_an_option(document: dict[str, Any]) -> None:
    for _, _, operation in operations(document):
        if operation["operationId"] in COMMANDS:
            command = command_named(COMMANDS[operation["operationId"]][0])
            options = {parameter.name for parameter in command.params}
            for parameter in operation["parameters"]:
                name = parameter["name"]
                walked = name == "cursor" and operation["operationId"] == "audit_ledger"  # to its end
                if parameter["in"] == "query" and not walked:
                    assert options & {name, NAMES.get(name), name.removesuffix("_id")}, (command.name, name)


def test_each_command_that_asks_a_gateway_takes_json_and_says_which_gateway() -> None:
    for words, _ in COMMANDS.values():
        options = {parameter.name for parameter in command_named(words).params}
        assert {"as_json", "url", "data_dir"} <= options, words


def test_each_command_is_on_the_page_about_them() -> None:
    page = (Path(__file__).parents[3] / "docs" / "reference" / "cli.md").read_text()
    commands: Any = get_command(app)
    assert [name for name in commands.commands if f"| `karya {name}" not in page] == []


WITHOUT_JSON: Mapping[str, str] = {}
"""Why a command does not speak to programs. All do."""


def leaves(command: Any, words: str = "") -> Iterator[tuple[str, Any]]:
    """All commands that are no groups, by what is typed."""
    if not hasattr(command, "commands"):
        yield words.strip(), command
        return
    for name, below in command.commands.items():
        yield from leaves(below, f"{words} {name}")


def test_each_command_speaks_to_programs() -> None:
    found = dict(leaves(get_command(app)))
    assert {"letters show", "export", "up", "token revoke"} <= found.keys()
    silent = {words for words, command in found.items() if "--json" not in options_of(command)}
    assert silent == WITHOUT_JSON.keys()


def options_of(command: Any) -> set[str]:
    return {option for parameter in command.params for option in parameter.opts}


def test_each_list_is_watched_and_shown_as_a_whole() -> None:
    for words, command in leaves(get_command(app)):
        options = options_of(command)
        assert "--cursor" not in options or {"--all", "--watch", "--every"} <= options, words
        assert ("--watch" in options) == ("--every" in options), words


OF_NOTHING_THERE = {"user add"}
"""Commands whose name is one that is still to be given."""


def test_what_names_something_is_completed() -> None:
    named = {"--job", "--user", "--step", "--tag", "--set", "--name", "--status", "--role", "--kind"}
    for words, command in leaves(get_command(app)):
        for parameter in command.params:
            is_named = parameter.metavar in ("ID", "TASK", "[TASK]", "NAME") or named & {*parameter.opts}
            if is_named and words not in OF_NOTHING_THERE:
                assert parameter._custom_shell_complete is not None, (words, parameter.name)
