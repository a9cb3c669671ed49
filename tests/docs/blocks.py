"""The fenced blocks of the pages, each with the place where it stands."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(?P<language>\w*)(?: title=\"(?P<title>[^\"]+)\")?$")
REASON = re.compile(r"^<!-- not run: (?P<reason>.+) -->$")
BEFORE = "<!-- run before:"
"""Opens what has to have happened before a block, as a console block that readers do not see."""
RUN = ("bash", "console", "python")
"""What is run on a cluster."""
CHECKED = ("json", "yaml", "toml")
"""What is checked against what reads it."""
SHOWN = ("text", "mermaid", "javascript")
"""What nobody types in."""


@dataclass(frozen=True)
class Block:
    """One fenced block. `line` is that of its first line; `title` the file to save it in."""

    page: Path
    line: int
    language: str
    title: str | None
    text: str
    reason: str | None
    """Why it is not run, if it is not."""

    @property
    def place(self) -> str:
        """PAGE:LINE, as editors understand it."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks_of(page: Path) -> list[Block]:
    """All of a page, in their order. Raises ValueError for a block that is not fenced as it should be."""
    return list(_blocks(page, page.read_text().split("\n")))


def _blocks(page: Path, lines: list[str]) -> Iterator[Block]:
    number = 0
    while number < len(lines):
        if lines[number] == BEFORE:
            end = lines.index("-->", number)
            yield Block(page, number + 2, "console", None, "\n".join(lines[number + 1 : end]) + "\n", None)
            number = end + 1
            continue
        fence = FENCE.match(lines[number])
        if fence is None:
            _refuse_other_fences(page, lines, number)
            number += 1
            continue
        end = lines.index("```", number + 1)
        above = REASON.match(lines[number - 1]) if number else None
        yield Block(
            page,
            number + 2,
            fence["language"],
            fence["title"],
            "\n".join(lines[number + 1 : end]) + "\n",
            above["reason"] if above else None,
        )
        number = end + 1


def _refuse_other_fences(page: Path, lines: list[str], number: int) -> None:
    if lines[number].lstrip().startswith("```"):
        raise ValueError(f'{page}:{number + 1}: write ```LANGUAGE or ```LANGUAGE title="FILE", not indented')
    if (
        lines[number].startswith("    ")
        and number
        and not lines[number - 1].strip()
        and not _listed(lines, number)
    ):
        raise ValueError(f"{page}:{number + 1}: an indented block has no language: put it between ``` fences")


def _listed(lines: list[str], number: int) -> bool:
    """Whether it belongs to an item of a list above."""
    above = next((line for line in reversed(lines[:number]) if line and not line.startswith(" ")), "")
    return bool(re.match(r"([-*]|\d+\.) ", above))
