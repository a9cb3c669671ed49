"""The published clients of upstream Karya, as they are: one in Python from PyPI, one in JavaScript from npm.

Each runs in a process and an environment of its own, which are made on demand and kept. A call is a line
{"method", "args"}, where {"new": CLASS, "with": {…}} stands for an object of the client's own classes; the
answer is a line {"result"} or {"status", "body"}.
"""

import json
import os
import shutil
import subprocess
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parents[1] / "compat"
_PYTHON, _NODE = _HERE / "python", _HERE / "node"
_ENVIRONMENT = _HERE / ".env"


class Refusal(Exception):
    """The client raised its own error for an HTTP status."""

    def __init__(self, status: int, body: str) -> None:
        self.status, self.body = status, body
        super().__init__(f"{status} {body}")


class UpstreamClient:
    """One client, talking to one gateway. Its methods are called by the names of the Python client."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def call(self, method: str, *args: Any) -> Any:
        """What the method returns, as plain JSON. Raises Refusal."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"method": method, "args": args}) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"the client's process has ended with {self._process.wait()}"
        found = json.loads(answer)
        if "status" in found:
            raise Refusal(found["status"], found["body"])
        return found["result"]


def new(kind: str, **fields: Any) -> dict[str, Any]:
    """An object of one of the client's own classes."""
    return {"new": kind, "with": fields}


@contextmanager
def talking(command: Sequence[str], url: str) -> Iterator[UpstreamClient]:
    """A client for the gateway at this URL, ended with the block."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    pipe = subprocess.PIPE
    with subprocess.Popen([*command, url], stdin=pipe, stdout=pipe, text=True, env=environ) as process:
        yield UpstreamClient(process)


def python_client() -> Sequence[str]:
    """The command that drives the client from PyPI, installed at its first use."""
    home = _ENVIRONMENT / "python"
    binary = home / "bin" / "python"
    wanted = _PYTHON / "requirements.txt"
    if not _is_installed(home, wanted):
        venv.create(home, with_pip=True, clear=True)
        _run(
            [str(binary), "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", str(wanted)],
            home,
        )
        _note(home, wanted)
    return [str(binary), str(_PYTHON / "driver.py")]


def node_client() -> Sequence[str]:
    """The command that drives the client from npm, installed at its first use."""
    node, npm = shutil.which("node"), shutil.which("npm")
    assert node and npm, "the JavaScript client needs node and npm: https://nodejs.org"
    wanted = _NODE / "package.json"
    home = _NODE / "node_modules"
    if not _is_installed(home, wanted):
        _run([npm, "install"], _NODE)
        _note(home, wanted)
    return [node, str(_NODE / "driver.mjs")]


def _is_installed(home: Path, wanted: Path) -> bool:
    note = home / ".installed"
    return note.exists() and note.read_text() == wanted.read_text()


def _note(home: Path, wanted: Path) -> None:
    (home / ".installed").write_text(wanted.read_text())


def _run(command: Sequence[str], directory: Path) -> None:
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
