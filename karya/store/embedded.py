"""The embedded mongod: a real MongoDB that lives in the data directory and ends with its cluster."""

import contextlib
import subprocess
import threading
from datetime import timedelta
from pathlib import Path

from karya.core.errors import ConfigError, Unavailable
from karya.store.disk import full_disk
from karya.store.mongod import log, replica_set
from karya.store.mongod.binary import find_mongod
from karya.store.mongod.command import PATIENCE, command
from karya.store.mongod.orphan import await_orphan
from karya.store.mongod.port import free_port
from karya.store.mongod.process import start_bound

START_TIMEOUT = timedelta(seconds=30)
STOP_TIMEOUT = timedelta(seconds=20)


class EmbeddedMongod:
    """One mongod on loopback, run as the single-node replica set `karya`; a store needs its transactions.

    It keeps everything in `<directory>/mongo`, journaled, so that it survives kill -9 and loses no
    acknowledged majority write; it logs to `<directory>/mongod.log`. The port is chosen once and stays for
    the life of this object, so clients reconnect to the same address after a crash. It ends with this
    process, kill -9 included, and does not hear the terminal's Ctrl-C, so that the cluster can drain first.

    The caller holds the DataDirectory. Methods block and may be called from any thread; `stop` ends a
    start that is under way. `cache_mb` is the cache of WiredTiger in MiB, at least 256; `patience`
    is `store.timeout`: what a killed client wrote in a transaction stays locked for that and half as long
    again.
    """

    def __init__(
        self,
        directory: Path | str,
        *,
        binary: Path | None = None,
        cache_mb: int = 1024,
        port: int | None = None,
        patience: timedelta = PATIENCE,
        start_timeout: timedelta = START_TIMEOUT,
    ) -> None:
        self._directory = Path(directory).expanduser().absolute()
        self._log = self._directory / "mongod.log"
        self._data = self._directory / "mongo"
        self._binary = binary
        self._cache_mb = cache_mb
        self._patience = patience
        self._start_timeout = start_timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._turn = threading.Lock()
        self.port = port or free_port()

    @property
    def url(self) -> str:
        """What clients connect to; the same before and after a restart."""
        return f"mongodb://{replica_set.HOST}:{self.port}/?replicaSet={replica_set.NAME}"

    @property
    def pid(self) -> int | None:
        """The process id; None before the first start and after `stop`."""
        return self._process.pid if self._process else None

    @property
    def is_running(self) -> bool:
        """Whether the process lives; it may still be starting."""
        return self._process is not None and self._process.poll() is None

    def poll(self) -> int | None:
        """The exit code of a mongod that ended without `stop` (negative: the signal), else None."""
        return self._process.poll() if self._process else None

    def start(self) -> None:
        """Starts it and blocks until it accepts writes; harmless when it runs.

        Raises ConfigError when there is no mongod or no place for its files, DataDirectoryInUse when an
        earlier one still writes to them, Unavailable with the reason from its log when it does not come up.
        """
        with self._turn:
            self._stopping.clear()
            self._start()

    def restart_if_dead(self) -> bool:
        """Starts it again if it ended without `stop`, and says whether it had to. Raises as `start` does."""
        with self._turn:
            if self._process is None or self._stopping.is_set() or self.is_running:
                return False
            self._start()
            return True

    def stop(self, timeout: timedelta = STOP_TIMEOUT) -> None:
        """Shuts it down cleanly, with force after the timeout; harmless when it does not run."""
        self._stopping.set()
        with self._turn:
            self._end(timeout)
            self._process = None

    def _start(self) -> None:
        if self.is_running:
            return
        binary = self._binary or find_mongod()
        since = self._prepare()
        try:
            program = command(binary, self._data, self._log, self.port, self._cache_mb, self._patience)
            self._process = start_bound(program, self._log)
            replica_set.await_primary(self.port, self._process.pid, self._start_timeout, self._must_live)
        except (OSError, _Hopeless) as error:
            self._end(timedelta(0))
            reason = full_disk(self._directory) or log.last_reason(self._log, since)
            raise Unavailable(f"mongod did not start: {error}: {reason} (log: {self._log})") from error
        except BaseException:
            self._end(timedelta(0))
            raise

    def _prepare(self) -> int:
        try:
            self._data.mkdir(mode=0o700, parents=True, exist_ok=True)
            await_orphan(self._data)
            return log.rotate(self._log)
        except OSError as error:
            raise ConfigError(f"data_dir {self._directory} cannot be used: {error}") from error

    def _must_live(self) -> None:
        if self._stopping.is_set():
            raise _Hopeless("it was stopped")
        code = self.poll()
        if code is not None:
            raise _Hopeless(f"it ended with code {code}")

    def _end(self, timeout: timedelta) -> None:
        process = self._process
        if process is None or process.poll() is not None:
            return
        if timeout:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout.total_seconds())
        process.kill()
        process.wait()


class _Hopeless(Exception):
    """Waiting longer will not bring it up."""
