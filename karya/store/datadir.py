"""The data directory of one cluster on this machine, held by one process at a time."""

import fcntl
import os
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from karya.core.errors import ConfigError, DataDirectoryInUse
from karya.store.lockfile import (
    Holder,
    flock,
    flock_patiently,
    open_lock,
    open_lock_to_look,
    read_holder,
    write_holder,
)


class DataDirectory:
    """A directory that belongs to this process from `acquire` to `release`; also a context manager.

    The lock is the kernel's (flock): it ends with the process, kill -9 included, and a lock file that
    is left behind means nothing. No child inherits it, so a database that outlives its cluster does
    not hold the directory. `command` is what others are told about the holder.
    """

    def __init__(self, path: Path | str, command: str | None = None) -> None:
        self.path = Path(path).expanduser().absolute()
        self._command = command or _own_command()
        self._fd: int | None = None

    def acquire(self) -> Self:
        """Creates the directory (mode 700) and takes it; taking it twice is harmless.

        Raises DataDirectoryInUse, which names the holder, when another process or another
        DataDirectory of this one has it; ConfigError when it can be neither created nor written.
        """
        if self._fd is None:
            self._fd = self._locked(open_lock(self.path))
        return self

    def release(self) -> None:
        """Gives the directory back; the files stay. Harmless when it is not held."""
        if self._fd is not None:
            os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = None

    def _locked(self, fd: int) -> int:
        try:
            if not flock_patiently(fd):
                raise DataDirectoryInUse(self._in_use(read_holder(fd)))
            write_holder(fd, Holder(pid=os.getpid(), command=self._command, started_at=datetime.now(UTC)))
        except OSError as error:
            os.close(fd)
            raise ConfigError(f"data_dir {self.path} cannot be locked: {error.strerror}") from error
        except BaseException:
            os.close(fd)
            raise
        return fd

    def _in_use(self, holder: Holder | None) -> str:
        return (
            f"data directory {self.path} is held by {holder or 'another process'}: stop it with "
            f"`karya down --data-dir {shlex.quote(str(self.path))}` or choose another --data-dir"
        )

    def __enter__(self) -> Self:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def holder(path: Path | str) -> Holder | None:
    """Who holds the data directory now; None when nobody does or it does not exist.

    Raises ConfigError when it cannot be read, or is held by somebody who has not said who.
    """
    directory = Path(path).expanduser().absolute()
    fd = open_lock_to_look(directory)
    if fd is None:
        return None
    try:
        if flock(fd, fcntl.LOCK_SH):
            return None
        found = read_holder(fd)
    finally:
        os.close(fd)
    if found is None:
        raise ConfigError(f"data directory {directory} is held by a process that does not say who it is")
    return found


def _own_command() -> str:
    return shlex.join([Path(sys.argv[0]).name or "python", *sys.argv[1:2]])
