"""A bash that is fed one command after the other, and keeps its variables and its directory."""

import os
import queue
import signal
import subprocess
import threading
import uuid
from pathlib import Path
from typing import Self


class Shell:
    """Used as a context manager; what was started in it ends with it."""

    def __init__(self, directory: Path, environment: dict[str, str]) -> None:
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=directory,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def run(self, command: str, seconds: float = 180) -> tuple[int, str]:
        """Its exit code, and what it wrote to both streams. Raises TimeoutError when it takes longer."""
        mark = f"end-{uuid.uuid4().hex}"
        assert self._process.stdin is not None
        self._process.stdin.write(f"{{ {command}\n}} < /dev/null 2>&1; echo {mark} $?\n")
        self._process.stdin.flush()
        output: list[str] = []
        while True:
            try:
                line = self._lines.get(timeout=seconds)
            except queue.Empty:
                raise TimeoutError(f"{command!r} took {seconds:g} s and had said {output}") from None
            if line is None:
                raise RuntimeError(f"{command!r} ended the shell: {output}")
            if mark in line:
                before, _, code = line.rpartition(mark)
                return int(code), "".join([*output, before])
            output.append(line)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)
