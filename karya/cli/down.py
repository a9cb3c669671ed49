"""`karya down`."""

import time
from pathlib import Path
from typing import Annotated

import psutil
import typer

from karya.cli.config import load_settings
from karya.cli.exits import TimedOut
from karya.cli.options import DataDir, Json
from karya.cli.output import Progress, say, say_json
from karya.core.errors import KaryaError

_PAUSE = 0.05


def down(
    data_dir: DataDir = None,
    timeout: Annotated[float, typer.Option(min=0, help="How many seconds to wait for its end.")] = 120,
    as_json: Json = False,
) -> None:
    """Stop the cluster that runs on the data directory, or is just starting, and wait until it is gone."""
    flag = None if data_dir is None else str(data_dir)
    directory = Path(load_settings(None, {"data_dir": flag}).data_dir).expanduser().absolute()
    process = running_on(directory)
    if process is None:
        _tell(f"no cluster runs on the data directory {directory}", directory, None, as_json)
        return
    _ask_to_end(process)
    with Progress() as tell:
        tell(f"stopping pid {process.pid}")
        _await_end(process, timeout)
    told = f"stopped the cluster on {directory} (pid {process.pid})"
    _tell(told, directory, process.pid, as_json)


def _tell(words: str, directory: Path, pid: int | None, as_json: bool) -> None:
    if as_json:
        say_json({"stopped": pid is not None, "pid": pid, "data_dir": str(directory)})
    else:
        say(words)


def running_on(directory: Path) -> psutil.Process | None:
    """The process that runs a cluster on this directory; None when there is none.

    The number alone may long belong to somebody else, but only a living cluster holds the lock: it is
    looked at again once the process with that number is known together with its start time.
    """
    from karya.store.datadir import holder

    found = holder(directory)
    if found is None:
        return None
    try:
        process = psutil.Process(found.pid)
    except psutil.NoSuchProcess:
        return None
    return process if holder(directory) == found else None


def _ask_to_end(process: psutil.Process) -> None:
    try:
        process.terminate()
    except psutil.NoSuchProcess:
        return
    except psutil.AccessDenied:
        raise KaryaError(f"pid {process.pid} belongs to another user, who alone may stop it") from None


def _await_end(process: psutil.Process, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while _lives(process):
        if time.monotonic() > deadline:
            raise TimedOut(
                f"pid {process.pid} still stops after {seconds:g} s: `karya down` again hurries it"
            )
        time.sleep(_PAUSE)


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
