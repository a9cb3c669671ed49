"""A reader who does what a page says, in an empty directory, with a cluster that runs already."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.docs.blocks import RUN, Block
from tests.docs.conversation import Exchange, exchanges
from tests.docs.loosely import Loosely
from tests.docs.shell import Shell

PATIENCE = 60
"""For how many seconds what is shown may take to come true: a reader looks again, too."""
WRITES = (
    " -d ",
    " -X ",
    "--data",
    "karya submit",
    "redrive",
    "discard",
    "karya user",
    "karya token create",
    "<<",
)
NOTEBOOK = """
import json, sys, traceback
names = {"__name__": "__main__"}
for line in sys.stdin:
    block = json.loads(line)
    try:
        exec(compile("\\n" * (block["line"] - 1) + block["code"], block["page"], "exec"), names)
    except BaseException:
        traceback.print_exc(file=sys.stdout)
        print("it failed")
    print(block["mark"], flush=True)
"""


@dataclass(frozen=True)
class Desk:
    """What the reader has: an empty directory, commands, and what the addresses of the pages stand for."""

    directory: Path
    environment: dict[str, str]
    addresses: dict[str, str]

    def real(self, text: str) -> str:
        """With the addresses that the cluster and the target really have."""
        for shown, real in self.addresses.items():
            text = text.replace(shown, real)
        return text

    def shown(self, text: str) -> str:
        """The other way round."""
        for shown, real in self.addresses.items():
            text = text.replace(real, shown)
        return text


class Reader:
    """Used as a context manager. `read` takes the blocks of a page in their order."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._loosely = Loosely()
        self._shell = Shell(desk.directory, desk.environment)
        self._notebook: subprocess.Popen[str] | None = None
        self._printed = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._shell.__exit__()
        if self._notebook is not None:
            self._notebook.kill()
            self._notebook.communicate()

    def read(self, block: Block) -> None:
        """Saves what is to be saved, runs what is to be run, and compares what is shown behind a program."""
        if block.title is not None:
            file = self._desk.directory / block.title
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(self._desk.real(block.text))
        elif block.reason is not None:
            return
        elif block.language == "python":
            self._printed = self._run_python(block)
        elif block.language == "text" and self._printed:
            missing = self._loosely.missing(block.text, self._printed)
            assert missing is None, f"{block.place}: {missing!r} is shown, and this came:\n{self._printed}"
        elif block.language in RUN:
            for exchange in exchanges(block):
                self._talk(block, exchange)
        if block.language != "python":
            self._printed = ""

    def _talk(self, block: Block, exchange: Exchange) -> None:
        command = self._loosely.real(self._desk.real(exchange.command))
        deadline = time.monotonic() + (0 if any(word in command for word in WRITES) else PATIENCE)
        place = f"{block.page.name}:{exchange.line}"
        while True:
            code, output = self._shell.run(command)
            output = self._desk.shown(output)
            missing = self._loosely.missing(exchange.shown, output)
            if missing is None and (code == 0 or exchange.shown):
                return
            if time.monotonic() > deadline:
                wrong = f"{missing!r} is shown" if missing else f"it exits with {code}"
                raise AssertionError(f"{place}: {command}\n{wrong}, and this came:\n{output}")
            time.sleep(0.1)

    def _run_python(self, block: Block) -> str:
        if self._notebook is None:
            self._notebook = subprocess.Popen(
                [sys.executable, "-c", NOTEBOOK],
                cwd=self._desk.directory,
                env=self._desk.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        assert self._notebook.stdin is not None
        assert self._notebook.stdout is not None
        mark = f"end-{os.urandom(8).hex()}"
        code = self._loosely.real(self._desk.real(block.text))
        told = {"code": code, "line": block.line, "page": block.page.name, "mark": mark}
        self._notebook.stdin.write(json.dumps(told) + "\n")
        self._notebook.stdin.flush()
        printed: list[str] = []
        for line in self._notebook.stdout:
            if line.strip() == mark:
                break
            printed.append(line)
        output = self._desk.shown("".join(printed))
        assert "it failed\n" not in printed, f"{block.place}:\n{output}"
        return output
