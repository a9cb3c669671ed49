"""The commands, settings, metrics, log lines and paths that the pages name in passing are there."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from karya.cli.main import app
from tests.docs.blocks import PAGES, ROOT
from tests.unit.test_configs import settings_keys
from tests.unit.test_monitoring import exposed, families

FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`]+)`")
SETTING = re.compile(r"(?:gateway|log|queue|ray|scheduler|store|traces|worker)\.[a-z_]+")
METRIC = re.compile(r"karya_[a-z_]+")
OPERATION = re.compile(r"\b(GET|POST|PUT|PATCH|DELETE) (/[\w/{}.-]*)")
NOT_IN_THE_REFERENCE = {("GET", "/"), ("GET", "/openapi.json")}
UPSTREAM = ("/v1/plan", "/v1/user")
NO_SETTINGS = {"ray.cluster_utils"}
NO_METRICS = re.compile(r"karya_(context|task|\w+_summary)")
"""Arguments of functions, and the names that another Karya has for metrics."""
KARYA: Any = get_command(app)


def said(page: Path) -> list[str]:
    """What stands in the text of a page as code, line breaks and all."""
    return [" ".join(code.split()) for code in CODE.findall(FENCED.sub("", page.read_text()))]


def commands(page: Path) -> Iterator[list[str]]:
    """The words of each command that a page names in its text."""
    for code in said(page):
        for part in re.split(r"&&|\|", code):
            if part.strip().startswith("karya ") and "…" not in part:
                yield shlex.split(part)[1:]


def wrong(words: list[str]) -> str | None:
    """What of this command is not there. Capitals stand for any."""
    command: Any = KARYA
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        if words[0].isupper():
            return None
        if words[0] not in command.commands:
            return f"no command {words[0]!r}"
        command, words = command.commands[words[0]], words[1:]
    options = {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
    named = {word.partition("=")[0] for word in words if word.startswith("--")}
    missing = named - options - {"--help"}
    return f"no option {missing}" if missing else None


def test_what_is_not_there_would_be_found() -> None:
    assert wrong(["restart", "--al"]) and wrong(["letters", "lost"]) and wrong(["lettres", "list"])
    assert not wrong(["letters", "list", "--job", "ID"])
    assert sum(len(list(commands(page))) for page in PAGES) > 100


TOLD = [pytest.param(page, id=str(page.relative_to(ROOT))) for page in PAGES if page.name != "CHANGELOG.md"]


@pytest.mark.parametrize("page", TOLD)
def test_commands_are_there(page: Path) -> None:
    assert {" ".join(words): why for words in commands(page) if (why := wrong(words))} == {}


@pytest.mark.parametrize("page", TOLD)
def test_settings_are_there(page: Path) -> None:
    named = {code for code in said(page) if SETTING.fullmatch(code)}
    assert named - set(settings_keys()) - NO_SETTINGS == set()


@pytest.mark.parametrize("page", TOLD)
def test_metrics_are_there(page: Path) -> None:
    named = {re.sub(r"\{.*\}", "", code) for code in said(page)}
    unknown = {name for name in named - {*exposed(), *families()} if METRIC.fullmatch(name)}
    assert {name for name in unknown if not NO_METRICS.fullmatch(name)} == set()


@pytest.mark.parametrize("page", TOLD)
def test_operations_are_there(page: Path) -> None:
    served = set(OPERATION.findall((ROOT / "docs/reference/rest.md").read_text())) | NOT_IN_THE_REFERENCE
    told = OPERATION.findall("\n".join(said(page)))
    named = {(method, re.sub(r"\bID\b", "{id}", path)) for method, path in told}
    assert {operation for operation in named - served if not operation[1].startswith(UPSTREAM)} == set()
