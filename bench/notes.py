"""What the `noted` connector wrote down: how it gets into a cluster, and how its notes are read."""

import os
import sys
import time
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_METADATA = "Metadata-Version: 2.1\nName: karya-connector-noted\nVersion: 0\n"
_ENTRY_POINTS = "[karya.connectors]\nnoted = bench.noted:NotedConnector\n"
_PATH = "PYTHONPATH"
_PAIR_BYTES = 16
_PATIENCE_SECONDS = 10.0
_POLL_SECONDS = 0.1


@contextmanager
def installed_for(site: Path) -> Iterator[None]:
    """Lets this process, and all that it starts meanwhile, find the connector as if it were installed: by
    something like a package in this folder."""
    info = site / "karya_connector_noted-0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(_METADATA)
    (info / "entry_points.txt").write_text(_ENTRY_POINTS)
    before = os.environ.get(_PATH)
    os.environ[_PATH] = os.pathsep.join([str(site), str(_ROOT), *([before] if before else [])])
    sys.path.insert(0, str(site))
    try:
        yield
    finally:
        sys.path.remove(str(site))
        if before is None:
            del os.environ[_PATH]
        else:
            os.environ[_PATH] = before


def noted_lags(folder: Path, first: datetime, last: datetime, count: int) -> Sequence[float]:
    """The begin of each action less its instant, in milliseconds, in ascending order, of instants from
    `first` to `last`. Waits until so many are there: notes are handed over a moment later. Raises
    TimeoutError."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while len(found := sorted(_lags(folder, first.timestamp(), last.timestamp()))) < count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"of {count} starts only {len(found)} were noted")
        time.sleep(_POLL_SECONDS)
    return found


def _lags(folder: Path, first: float, last: float) -> Iterator[float]:
    for file in folder.iterdir():
        written = file.read_bytes()
        notes = array("d", written[: len(written) // _PAIR_BYTES * _PAIR_BYTES])
        pairs = zip(notes[::2], notes[1::2], strict=True)
        yield from ((began - instant) * 1000 for instant, began in pairs if first <= instant <= last)
