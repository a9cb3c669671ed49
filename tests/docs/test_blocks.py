"""What the pages show without running it: jobs, settings, commands that cannot be run here, links."""

import json
import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from karya.connectors.registry import action_types, load_connectors
from karya.core.configuration import read_settings
from karya.core.job import new_job
from karya.core.settings import Settings
from karya.core.spec import JobSpec, spec_model
from tests.docs.blocks import BEFORE, CHECKED, PAGES, RUN, SHOWN, Block, blocks_of
from tests.docs.conversation import exchanges, parses

SPEC = spec_model(action_types(load_connectors({})))
NOW = datetime(2026, 11, 23, tzinfo=UTC)
NOOP = {"type": "noop"}
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]*))?\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
MOST = 45
"""How many blocks may say that they are not run. Whoever needs more of them raises it, and is asked why."""
BLOCKS = [block for page in PAGES for block in blocks_of(page)]


def of(*languages: str) -> list[Any]:
    """A parameter for each block in one of these languages, named by its place."""
    return [pytest.param(block, id=block.place) for block in BLOCKS if block.language in languages]


def documents() -> Iterator[Any]:
    """Each job, part of a job or settings that a page shows."""
    for block in BLOCKS:
        if block.language in ("json", "yaml"):
            for number, document in enumerate(parsed(block.text)):
                yield pytest.param(document, id=f"{block.place}+{number}")


def parsed(text: str) -> list[dict[str, Any]]:
    """One document, or several JSON objects, each on a line of its own."""
    try:
        return [yaml.safe_load(text)]
    except yaml.YAMLError:
        return [json.loads(line) for line in re.split(r"\n(?=\{)", text)]


def job_of(example: dict[str, Any]) -> dict[str, Any]:
    """The smallest job with the schedule, the action or the policies that an example shows."""
    if "kind" in example:
        return {"action": NOOP, "schedule": example}
    if "type" in example:
        return {"action": example}
    return example if "steps" in example else {"action": NOOP, **example}


@pytest.mark.parametrize("document", list(documents()))
def test_a_job_or_settings_are_accepted(document: dict[str, Any]) -> None:
    if "append" in document.get("connectors", {}):
        assert document["connectors"]["append"].keys() == {"folder"}  # test_pages.py has it installed
    elif document.keys() <= Settings.model_fields.keys():
        read_settings(yaml.safe_dump(document), {"SLACK_TOKEN": "x"}, read_file=lambda _: "x")
    else:
        spec: JobSpec[Any] = SPEC.model_validate(job_of(document))
        new_job(spec, NOW)


@pytest.mark.parametrize("block", of("toml"))
def test_toml_parses(block: Block) -> None:
    tomllib.loads(block.text)


@pytest.mark.parametrize("block", of("python"))
def test_python_compiles(block: Block) -> None:
    compile(block.text, block.place, "exec")


@pytest.mark.parametrize("block", of("bash", "console"))
def test_every_command_is_whole(block: Block) -> None:
    for exchange in exchanges(block):
        assert parses(exchange.command), exchange.line


@pytest.mark.parametrize("block", of("text"))
def test_no_command_hides_in_a_text(block: Block) -> None:
    assert not re.search(r"^\$ ", block.text, re.MULTILINE), "make it a console block, so that it is run"


def test_every_language_is_one_that_is_dealt_with() -> None:
    known = (*RUN, *CHECKED, *SHOWN)
    assert [block.place for block in BLOCKS if block.language not in known] == []


def test_every_comment_about_a_block_has_one() -> None:
    """Else a typo in the comment, or a line between, would decide what is run."""
    lines = [line for page in PAGES for line in page.read_text().split("\n")]
    reasons = sum(line.startswith("<!-- not") for line in lines)
    assert reasons == sum(block.reason is not None for block in BLOCKS)
    assert sum(line.startswith("<!-- run") for line in lines) == lines.count(BEFORE)


def test_what_is_not_run_is_counted() -> None:
    told = [f"{block.place}: {block.reason}" for block in BLOCKS if block.reason is not None]
    print("\n".join(["not run:", *told]))
    assert len(told) <= MOST, "\n".join(told)
    assert sum(block.language in RUN and block.reason is None for block in BLOCKS) > len(told)


def anchors(page: Path) -> set[str]:
    headings = HEADING.findall(page.read_text())
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for path, anchor in LINK.findall(page.read_text()):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), path
        assert not anchor or anchor in anchors(target), f"{path}#{anchor}"
