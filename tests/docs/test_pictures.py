"""The pictures say what the code says, each is shown somewhere, and whoever cannot see them is told."""

import re
import tomllib
from pathlib import Path

import pytest

from karya.core.job import LIVE_STATES, JobState
from karya.core.task import OPEN_STATES, TaskState
from karya.core.transitions import LEGAL
from tests.docs.blocks import PAGES, ROOT

DOCS = ROOT / "docs"
SHOWN = re.compile(
    r"!\[(?P<alt>[^\]]*)\]\((?P<path>[^)]+)\)|<img alt=\"(?P<said>[^\"]*)\" src=\"(?P<src>[^\"]+)\""
)
ARROW = re.compile(r"^ *(\[\*\]|\w+) --> (\[\*\]|\w+)(?:: (\w+))?", re.MULTILINE)
NOWHERE = "[*]"


def arrows(picture: str) -> set[tuple[str, str, str]]:
    """From where to where, and the first word of what stands at the arrow."""
    return {(a, b, word) for a, b, word in ARROW.findall((DOCS / "pictures" / picture).read_text())}


def test_the_picture_of_a_task_has_every_legal_move_and_no_other() -> None:
    drawn = {(a, b, word) for a, b, word in arrows("task-states.mmd") if NOWHERE not in (a, b)}
    legal = {
        (source.value, target.value, move.value)
        for move, (sources, target) in LEGAL.items()
        for source in sources
    }
    assert drawn == legal


def test_the_picture_of_a_task_ends_where_no_move_leads_on() -> None:
    left = {source for sources, _ in LEGAL.values() for source in sources}
    assert {a for a, b, _ in arrows("task-states.mmd") if b == NOWHERE} == {
        s.value for s in set(TaskState) - left
    }
    begun = {b for a, b, _ in arrows("task-states.mmd") if a == NOWHERE}
    assert begun == {TaskState.READY.value, TaskState.BLOCKED.value} <= {state.value for state in OPEN_STATES}


def test_the_picture_of_a_job_ends_where_it_cannot_be_changed_any_more() -> None:
    drawn = arrows("job-states.mmd")
    assert {a for a, _, _ in drawn} | {b for _, b, _ in drawn} == {
        NOWHERE,
        *(state.value for state in JobState),
    }
    live = {state.value for state in LIVE_STATES}
    assert {a for a, b, _ in drawn if NOWHERE not in (a, b)} == live
    assert {a for a, b, _ in drawn if b == NOWHERE} == {state.value for state in JobState} - live


def test_the_picture_of_the_rooms_has_the_layers_that_are_linted() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    top, composition, rooms, bottom = contracts[0]["layers"]
    lines = (DOCS / "pictures/rooms.mmd").read_text().splitlines()[1:]
    drawn = {tuple(line.strip().split(" --> ")) for line in lines}
    middle = {"actors" if ".actors." in room else room.removeprefix("karya.") for room in rooms.split(" | ")}
    assert (top, composition, bottom) == ("karya.cli", "karya.actors.cluster", "karya.core")
    assert drawn == {
        ("cli", "cluster[actors.cluster]"),
        ("cluster", " & ".join(sorted(middle))),
        *((room, "core") for room in middle),
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_picture_is_there_and_has_a_text_in_its_place(page: Path) -> None:
    for found in SHOWN.finditer(page.read_text()):
        path, text = found["path"] or found["src"], found["alt"] or found["said"]
        assert (page.parent / path).exists(), path
        assert len(text.split()) > 1, f"{path} says nothing to those who cannot see it"


def test_every_picture_is_shown_on_a_page() -> None:
    shown = {
        (page.parent / (found["path"] or found["src"])).resolve()
        for page in PAGES
        for found in SHOWN.finditer(page.read_text())
    }
    pictures = {*(DOCS / "pages").glob("*.png"), *(DOCS / "pictures").glob("*.svg")}
    assert sorted(picture.name for picture in pictures - shown) == []
