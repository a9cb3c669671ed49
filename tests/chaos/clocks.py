"""A wall clock for each actor, which can jump: libfaketime, told what to do by a file for each process.

Ray starts all actors from one environment, so what is to be different for each of them is arranged in the
process itself: Python runs a `sitecustomize` from its path before anything else. In a worker process of Ray
this one names the file after the process, preloads the library, and runs the same command again. Processes
that are no actors, MongoDB's and Ray's own among them, keep the clock of the machine.
"""

from pathlib import Path

PACKAGE = "faketime"
_PLACES = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib/faketime/libfaketimeMT.so.1")

_CUSTOM = '''\
"""Gives an actor a wall clock of its own."""

import os
import select
import sys
import time

if any(part.endswith("default_worker.py") for part in sys.orig_argv):
    if "FAKETIME_TIMESTAMP_FILE" not in os.environ:
        os.environ.update(
            LD_PRELOAD={library!r},
            FAKETIME_TIMESTAMP_FILE=os.path.join({directory!r}, str(os.getpid())),
            FAKETIME_DONT_FAKE_MONOTONIC="1",
            FAKETIME_CACHE_DURATION="1",
            NO_FAKE_STAT="1",
        )
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
    # The library breaks the call by which Python sleeps until a moment of the monotonic clock.
    time.sleep = lambda seconds: select.select((), (), (), seconds) and None
'''


def library() -> Path | None:
    """Where libfaketime is."""
    return next((found for place in _PLACES for found in Path("/").glob(place.lstrip("/"))), None)


def install(directory: Path) -> None:
    """Makes a directory for the Python path, with the `sitecustomize`; it gets the files, too."""
    directory.mkdir()
    text = _CUSTOM.format(library=str(library()), directory=str(directory))
    (directory / "sitecustomize.py").write_text(text)


def is_faked(pid: int) -> bool:
    """Whether the library is in this process."""
    return "libfaketime" in Path(f"/proc/{pid}/maps").read_text()


def shift(directory: Path, pid: int, seconds: int) -> None:
    """Sets the wall clock of this process forward, or backward; it takes a second until it is noticed."""
    file = directory / str(pid)
    fresh = file.with_suffix(".new")
    fresh.write_text(f"{seconds:+d}\n")
    fresh.replace(file)
