"""The lock file of a data directory: a kernel lock, and who holds it in words."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from karya.core.errors import ConfigError

_LOCK_NAME = "lock"
_PATIENCE = 0.5
"""Seconds for which a taken lock is tried again: somebody who only looks has it for an instant."""


class Holder(BaseModel):
    """Who holds a data directory, as written into its lock file."""

    model_config = ConfigDict(frozen=True)

    pid: int
    command: str
    started_at: datetime

    def __str__(self) -> str:
        return f"pid {self.pid} ({self.command}, since {self.started_at.isoformat(timespec='seconds')})"


def open_lock(directory: Path) -> int:
    """The descriptor of the lock file, made if need be. Raises ConfigError if it cannot be.

    It is close-on-exec, as Python's always are: neither mongod nor Ray's processes inherit it.
    """
    with _explained(directory):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(directory / _LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)


def open_lock_to_look(directory: Path) -> int | None:
    """A descriptor to read the lock file with; None when there is none. Raises ConfigError if unreadable."""
    with _explained(directory):
        try:
            return os.open(directory / _LOCK_NAME, os.O_RDONLY)
        except FileNotFoundError:
            return None


@contextmanager
def _explained(directory: Path) -> Iterator[None]:
    try:
        yield
    except (FileExistsError, NotADirectoryError) as error:
        raise ConfigError(f"data_dir {directory} is or lies in a file: choose a directory") from error
    except OSError as error:
        raise ConfigError(
            f"data_dir {directory} cannot be used ({error.strerror}): choose a directory that can be written"
        ) from error


def flock(fd: int, kind: int) -> bool:
    """Takes the lock (fcntl.LOCK_EX or LOCK_SH) unless another has it, and says whether it did."""
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def flock_patiently(fd: int) -> bool:
    """Takes the lock for good, trying for half a second, and says whether it did."""
    deadline = time.monotonic() + _PATIENCE
    while not (taken := flock(fd, fcntl.LOCK_EX)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return taken


def write_holder(fd: int, me: Holder) -> None:
    """Writes who holds the lock into its file."""
    os.ftruncate(fd, 0)
    os.pwrite(fd, me.model_dump_json().encode() + b"\n", 0)


def read_holder(fd: int) -> Holder | None:
    """Who the file says holds the lock, which is true only while it is held; None when it does not say."""
    try:
        return Holder.model_validate(json.loads(os.pread(fd, 65_536, 0)))
    except (ValueError, ValidationError):
        return None
