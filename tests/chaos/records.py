"""What the target has written down, read as it grows."""

import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from tests.chaos.judge.facts import Arrival


@dataclass(frozen=True, slots=True)
class Starved:
    """When the machine woke a process that had nothing to do with Karya, and by how much too late."""

    at: int
    late: int


class Records:
    """The arrivals in their order. Reading on costs what is new."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._offset = 0
        self._arrivals: list[Arrival] = []
        self.open: dict[int, Arrival] = {}
        """What waits for its answer, by its number."""
        self.starved: list[Starved] = []
        """Whenever the machine woke the target too late."""

    @property
    def count(self) -> int:
        """How many have arrived, as far as was read."""
        return len(self._arrivals)

    def read(self) -> Sequence[Arrival]:
        """All of them, up to now."""
        with self._file.open("rb") as file:
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    break  # it is being written
                self._offset += len(line)
                self._take(json.loads(line))
        return self._arrivals

    def _take(self, line: list[object]) -> None:
        what, number, *rest = line
        assert isinstance(number, int)
        if what == "starved":
            (late,) = rest
            assert isinstance(late, int)
            self.starved.append(Starved(number, late))
        elif what == "arrived":
            key, part, ident, attempt, token, instant, at, about = rest
            arrival = Arrival(number, key, part, ident, attempt, token, instant, at, about=about)  # type: ignore[arg-type]
            assert number == len(self._arrivals)
            self._arrivals.append(arrival)
            self.open[number] = arrival
        else:
            ended, status = rest
            self._arrivals[number] = replace(self._arrivals[number], ended=ended, status=status)  # type: ignore[arg-type]
            self.open.pop(number)


class TargetProcess:
    """The target, started and stopped. `url` has no slash at its end."""

    def __init__(self, file: Path) -> None:
        file.touch()
        self.records = Records(file)
        self._log = file.with_suffix(".log").open("w")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.target", str(file)],
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"

    def stop(self) -> None:
        """Ends it."""
        with suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._log.close()
