"""A console block as a conversation: commands behind `$ `, and what is shown as their answers."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from tests.docs.blocks import Block


@dataclass(frozen=True)
class Exchange:
    """One command, over as many lines as it takes, and its answer as shown; empty where none is."""

    line: int
    command: str
    shown: str


def exchanges(block: Block) -> Iterator[Exchange]:
    """Those of a console block. A bash block is one command without an answer."""
    if block.language == "bash":
        yield Exchange(block.line, block.text, "")
        return
    lines = block.text.rstrip("\n").split("\n")
    starts = [number for number, line in enumerate(lines) if line.startswith("$ ")]
    if not starts or starts[0] != 0:
        raise ValueError(f"{block.place}: a console block begins with a command, behind '$ '")
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        typed = _typed(lines[start:end])
        command = "\n".join([lines[start].removeprefix("$ "), *lines[start + 1 : start + typed]])
        yield Exchange(block.line + start, command, "\n".join(lines[start + typed : end]))


def _typed(lines: list[str]) -> int:
    """How many lines the command has: as few as make it whole."""
    for count in range(1, len(lines) + 1):
        command = "\n".join(lines[:count]).removeprefix("$ ")
        if not command.endswith("\\") and parses(command):
            return count
    return len(lines)


def parses(command: str) -> bool:
    """Whether bash takes it for whole."""
    checked = subprocess.run(["bash", "-n"], input=command + "\n", capture_output=True, text=True)
    return checked.returncode == 0 and not checked.stderr
