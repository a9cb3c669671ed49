"""What the documentation tells people to write is accepted."""

import json
import re
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

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SPEC = spec_model(action_types(load_connectors({})))
NOW = datetime(2026, 11, 23, tzinfo=UTC)
BLOCK = re.compile(r"^```(?:json|yaml)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]*))?\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
BODY = re.compile(r"-d '(\{\s*\n.*?\})'", re.DOTALL)  # of several lines: short ones need not be jobs
NOOP = {"type": "noop"}


def examples() -> Iterator[Any]:
    """Each example, named by its page and its place there."""
    for page in PAGES:
        text = page.read_text()
        bodies = BODY.findall(text) if page.name in ("README.md", "quickstart.md", "changing-jobs.md") else []
        for number, block in enumerate([*BLOCK.findall(text), *bodies], 1):
            for document in documents(block):
                if (
                    document.get("action", {}).get("type") != "append"
                ):  # the page itself teaches how to add it
                    yield pytest.param(document, id=f"{page.name} {number}")


def documents(block: str) -> list[dict[str, Any]]:
    """One document, or several JSON objects, each on a line of its own."""
    try:
        return [yaml.safe_load(block)]
    except yaml.YAMLError:
        return [json.loads(line) for line in re.split(r"\n(?=\{)", block)]


def job_of(example: dict[str, Any]) -> dict[str, Any]:
    """The smallest job with the schedule, the action or the policies that an example shows."""
    if "kind" in example:
        return {"action": NOOP, "schedule": example}
    if "type" in example:
        return {"action": example}
    return example if "steps" in example else {"action": NOOP, **example}


@pytest.mark.parametrize("example", list(examples()))
def test_an_example_is_accepted(example: dict[str, Any]) -> None:
    if example.keys() <= Settings.model_fields.keys():
        read_settings(yaml.safe_dump(example), {"SLACK_TOKEN": "x"}, read_file=lambda _: "x")
    else:
        spec: JobSpec[Any] = SPEC.model_validate(job_of(example))
        new_job(spec, NOW)


def test_there_are_examples_on_many_pages() -> None:
    assert len({param.id.split()[0] for param in examples()}) > 15


def anchors(page: Path) -> set[str]:
    headings = HEADING.findall(page.read_text())
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [*ROOT.glob("*.md"), *PAGES[1:]], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for path, anchor in LINK.findall(page.read_text()):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), path
        assert not anchor or anchor in anchors(target), f"{path}#{anchor}"
