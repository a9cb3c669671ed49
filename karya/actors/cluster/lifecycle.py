"""A whole cluster: started in the right order, watched, and stopped in the reverse one."""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import structlog

from karya.actors.cluster.carrier import Carrier
from karya.actors.cluster.ground import Ground
from karya.actors.cluster.owners import new_owner
from karya.actors.cluster.parts import check_parts
from karya.actors.cluster.record import ClusterRecord, left_behind, remove_record
from karya.core.errors import KaryaError, StoreUnavailable, Unavailable
from karya.core.settings import Settings
from karya.queue.keys import QueueKeys, keys_for
from karya.store.blocking_provider import MongoBlockingStore
from karya.store.datadir import DataDirectory
from karya.store.embedded import EmbeddedMongod
from karya.store.mongod.port import free_port

log = structlog.get_logger("karya.cluster")

_WATCH_SECONDS = 0.5


class Cluster:
    """The embedded mongod if there is no other, and Ray with the server, the scheduler, the workers and their
    supervisor."""

    def __init__(
        self,
        settings: Settings,
        *,
        tell: Callable[[str], None] = lambda _: None,
        log_to_driver: bool = False,
    ) -> None:
        self._settings = settings
        self._tell = tell
        self._undo = ExitStack()
        self._ending = threading.Event()
        self._carrier = Carrier(settings, log_to_driver=log_to_driver, go_on=self._go_on)
        self._mongod: EmbeddedMongod | None = None
        self._data_dir = Path()
        self._keys: QueueKeys | None = None
        self.url = self.store_url = ""

    def start(self) -> None:
        """Starts everything and waits until it is ready.

        Raises ConfigError or Unavailable, and leaves nothing running, when something is missing.
        """
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def watch(self, stopping: threading.Event) -> None:
        """Restarts what dies and cannot be restarted by the supervisor, until `stopping` is set: the embedded
        mongod, Ray, the supervisor. Belongs in the thread of `start`, with which Ray's processes end."""
        looked_at = time.monotonic()
        while not stopping.wait(_WATCH_SECONDS):
            now = time.monotonic()
            elapsed, looked_at = now - looked_at, now
            self._keep_database()
            if not stopping.is_set():
                self._keep_actors(elapsed)

    def _keep_actors(self, elapsed: float) -> None:
        """Whatever goes wrong, the next look tries again: nobody else would."""
        try:
            address = self._carrier.look(elapsed)
            if address is not None:
                self._leave_note(address)
        except Exception:
            log.exception("looking_after_ray_failed")

    def stop(self) -> None:
        """Drains the workers, stops the actors, Ray and the embedded mongod. Safe to call twice."""
        self._undo.close()

    def interrupt(self) -> None:
        """Cuts short what another thread has under way, and returns at once.

        A start gives up at its next step: it raises Unavailable and leaves nothing running. A stop
        does not wait for running tasks any longer: the workers hand them back.
        """
        self._ending.set()
        self._carrier.hurry()

    def _start(self) -> None:
        check_parts(self._settings)
        self._data_dir = self._undo.enter_context(DataDirectory(self._settings.data_dir)).path
        self._keys = keys_for(self._settings.queue, self._data_dir)
        predecessor = left_behind(self._data_dir)
        with ThreadPoolExecutor(1) as helper:
            database = helper.submit(self._start_database)
            try:
                self._enter("starting Ray")
                self._undo.callback(self._carrier.leave)
                address = self._carrier.connect()
            finally:
                self.store_url = database.result()
        self._enter("starting the actors")
        self._undo.callback(self._carrier.end)
        self.url = self._carrier.begin(self._ground(), predecessor)
        self._undo.callback(remove_record, self._data_dir)
        self._leave_note(address)

    def _enter(self, step: str) -> None:
        self._go_on()
        self._tell(step)

    def _go_on(self) -> None:
        if self._ending.is_set():
            raise Unavailable("the start was interrupted")

    def _start_database(self) -> str:
        url = self._settings.store.url
        if url is None:
            self._enter("starting the embedded MongoDB")
            told = self._settings.store
            self._mongod = EmbeddedMongod(self._data_dir, cache_mb=told.cache_mb, patience=told.timeout)
            self._undo.callback(self._mongod.stop)
            self._mongod.start()
            url = self._mongod.url
        store = MongoBlockingStore(self._settings.store, url)
        try:
            store.prepare(new_owner("start"))
        except StoreUnavailable as error:
            raise StoreUnavailable(f"{error}; store.url says where it is") from error
        finally:
            store.close()
        return url

    def _ground(self) -> Ground:
        """Port 0 means any free one, but the same after a restart of the server."""
        ground = Ground(self._settings, self.store_url, self._keys)
        return ground if self._settings.gateway.port else ground.at_port(free_port())

    def _keep_database(self) -> None:
        try:
            if self._mongod is not None and self._mongod.restart_if_dead():
                log.warning("mongod_restarted", pid=self._mongod.pid)
        except KaryaError as error:
            log.error("mongod_not_restarted", error=str(error))

    def _leave_note(self, address: str) -> None:
        record = ClusterRecord(
            pid=os.getpid(),
            url=self.url,
            ray_address=address,
            namespace=self._settings.ray.namespace,
            started_at=datetime.now(UTC),
        )
        record.write(self._data_dir)
