"""The installed `karya` command as a subprocess, and the proof that it leaves no process behind."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import psutil

KARYA = str(Path(sys.executable).with_name("karya"))
MARK = "TEST_OF_KARYA_CLI"
START_SECONDS = 120
STOP_SECONDS = 90


def until(done: Callable[[], bool], seconds: float, what: str) -> None:
    """Polls until it is true; fails with what was waited for."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        time.sleep(0.05)


def environment(home: Path, **settings: str) -> dict[str, str]:
    """An environment without settings of the developer, marked so that every descendant can be found."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("KARYA_")}
    return {**plain, **settings, MARK: str(home)}


def descendants(home: Path) -> list[psutil.Process]:
    """Every living process that inherited the mark, whoever its parent is by now."""
    return [process for process in psutil.process_iter() if _is_marked(process, str(home))]


def _is_marked(process: psutil.Process, mark: str) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE and process.environ().get(MARK) == mark
    except psutil.Error:
        return False


def await_nothing_left(home: Path) -> None:
    """Fails when a process that was started in this home still lives after a while."""
    until(lambda: not descendants(home), 60, f"the end of {descendants(home)}")


def karya(
    home: Path, *arguments: str, text: str = "", seconds: float = 120, **settings: str
) -> "subprocess.CompletedProcess[str]":
    """Runs one command to its end."""
    return subprocess.run(
        [KARYA, *arguments],
        cwd=home,
        env=environment(home, **settings),
        input=text,
        capture_output=True,
        text=True,
        timeout=seconds,
    )


class Up:
    """A `karya up` in a process group of its own. `lines` is what it has printed so far, both streams; with
    `heard_until` nobody reads on behind the line that has this in it."""

    def __init__(self, home: Path, *arguments: str, heard_until: str = "", **settings: str) -> None:
        command = [KARYA, "up", "--port", "0", *arguments]
        if heard_until:
            ear = f'exec "$0" "$@" > >(exec sed -u \'/{heard_until}/q\') 2>&1'
            command = ["bash", "-c", ear, *command]
        self.home = home
        self.lines: list[str] = []
        self._process = subprocess.Popen(
            command,
            cwd=home,
            env=environment(home, **settings),
            stdin=subprocess.DEVNULL,
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
        self.kill_everything()
        self._process.wait()
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def kill_everything(self) -> None:
        """kill -9 of every process that it started, and of itself."""
        for process in descendants(self.home):
            process.kill()

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(self.lines)

    @property
    def pid(self) -> int:
        """Its process, which leads its group."""
        return self._process.pid

    @property
    def runs(self) -> bool:
        """Whether it lives."""
        return self._process.poll() is None

    def await_line(self, part: str) -> str:
        """Waits for a line with this in it."""

        def seen() -> bool:
            assert self.runs or part in self.text, self.text
            return part in self.text

        until(seen, START_SECONDS, f"{part!r} of karya up")
        return next(line for line in self.lines if part in line)

    def await_url(self) -> str:
        """Waits until it is ready."""
        found = re.search(r"http://127\.0\.0\.1:\d+", self.await_line("Karya is ready at"))
        assert found
        return found[0]

    def await_pending(self, number: signal.Signals) -> None:
        """Waits until this signal has been sent to the process, which is stopped and so has not got it."""

        def pending() -> bool:
            status = Path(f"/proc/{self.pid}/status").read_text()
            mask = re.search(r"^ShdPnd:\s*([0-9a-f]+)$", status, re.MULTILINE)
            return mask is not None and bool(int(mask[1], 16) >> (number - 1) & 1)

        until(pending, START_SECONDS, f"{number.name} for karya up")

    def await_silence(self) -> None:
        """Waits until nobody hears what it says any more."""
        self._reader.join(START_SECONDS)
        assert not self._reader.is_alive(), self.text

    def signal(self, number: signal.Signals, *, group: bool = False) -> None:
        """Sends a signal to the process alone, or to all of its group as a terminal does."""
        (os.killpg if group else os.kill)(self.pid, number)

    def await_end(self, seconds: float = STOP_SECONDS) -> int:
        """Waits for its end; returns the exit code."""
        until(lambda: not self.runs, seconds, f"the end of karya up, which said:\n{self.text}")
        self._reader.join()
        return self._process.returncode

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line)
