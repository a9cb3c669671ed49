"""What a measure found, with when, on what code and on which machine: the file that the documentation's table
is made of, in which each measure stands as it was last run."""

import json
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from bench.figures import Figure, Place

_CODE = ("karya", "bench")


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of one measure."""

    figures: Sequence[Figure]
    measured_at: str
    """RFC 3339, to the second."""
    commit: str
    """Short; with a + when its code had been changed since. `unknown` outside of a repository."""
    machine: str


def measured(figures: Sequence[Figure], workers: int, code: str) -> Measured:
    """Figures of this moment and this machine."""
    when = datetime.now(UTC).isoformat(timespec="seconds")
    machine = f"{psutil.cpu_count()} cores, Python {platform.python_version()}, {workers} workers"
    return Measured(figures, when, code, machine)


def commit() -> str:
    """Of the code as it is now. See `Measured.commit`."""
    head = _git("rev-parse", "--short", "HEAD")
    if head.returncode:
        return "unknown"
    changed = _git("diff", "--quiet", "HEAD", "--", *_CODE).returncode
    return head.stdout.strip() + ("+" if changed else "")


def _git(*arguments: str) -> "subprocess.CompletedProcess[str]":
    root = Path(__file__).parents[1]
    return subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)


def merged(
    before: Mapping[str, Measured], now: Mapping[str, Measured], order: Iterable[str]
) -> Mapping[str, Measured]:
    """What was measured now, and of the other measures what was found before; those that are no longer among
    `order` are left out."""
    return {name: (now.get(name) or before[name]) for name in order if name in now or name in before}


def read_json(file: Path) -> Mapping[str, Measured]:
    """What `write_json` wrote, by measure; nothing if there is no such file."""
    if not file.exists():
        return {}
    return {name: _measured(written) for name, written in json.loads(file.read_text()).items()}


def write_json(file: Path, found: Mapping[str, Measured]) -> None:
    """Everything, by measure."""
    file.parent.mkdir(parents=True, exist_ok=True)
    written = {name: _written(each) for name, each in found.items()}
    file.write_text(json.dumps(written, indent=2, ensure_ascii=False) + "\n")


def _written(one: Measured) -> dict[str, Any]:
    figures = [{**asdict(figure), "met": figure.met} for figure in one.figures]
    return {**asdict(one), "figures": figures}


def _measured(written: Mapping[str, Any]) -> Measured:
    return Measured(**{**written, "figures": [_figure(each) for each in written["figures"]]})


def _figure(written: Mapping[str, Any]) -> Figure:
    given = {key: value for key, value in written.items() if key != "met"}
    place = given["place"]
    return Figure(**{**given, "place": Place(**place) if place else None})
