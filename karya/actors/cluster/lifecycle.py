"""A whole cluster: started in the right order, watched, and stopped in the reverse one."""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import ray
import structlog
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from karya.actors.cluster.ground import Ground
from karya.actors.cluster.host import new_owner
from karya.actors.cluster.names import SCHEDULER, SERVER, worker_names
from karya.actors.cluster.ray_actors import SchedulerActor, ServerActor, WorkerActor
from karya.actors.cluster.ray_runtime import leave_ray, start_ray
from karya.actors.cluster.record import ClusterRecord, remove_record
from karya.connectors.registry import load_connectors
from karya.core.errors import ConfigError, KaryaError, Unavailable
from karya.core.settings import Settings
from karya.queue.keys import keys_for
from karya.store.datadir import DataDirectory
from karya.store.embedded import EmbeddedMongod
from karya.store.mongod.port import free_port
from karya.store.provider import MongoBlockingStore

log = structlog.get_logger("karya.cluster")

_START_SECONDS = 60
_STOP_SECONDS = 10
_WATCH_SECONDS = 0.5


class Cluster:
    """The embedded mongod if there is no other, Ray, the server, the scheduler and the pool of workers."""

    def __init__(
        self,
        settings: Settings,
        *,
        tell: Callable[[str], None] = lambda _: None,
        log_to_driver: bool = False,
    ) -> None:
        self._settings = settings
        self._tell = tell
        self._log_to_driver = log_to_driver
        self._undo = ExitStack()
        self._interrupted = threading.Event()
        self._actors: dict[str, Any] = {}
        self._mongod: EmbeddedMongod | None = None
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
        """Restarts the embedded mongod when it dies, until `stopping` is set. Ray restarts the actors."""
        while not stopping.wait(_WATCH_SECONDS):
            try:
                if self._mongod is not None and self._mongod.restart_if_dead():
                    log.warning("mongod_restarted", pid=self._mongod.pid)
            except KaryaError as error:
                log.error("mongod_not_restarted", error=str(error))

    def stop(self) -> None:
        """Drains the workers, stops the actors, Ray and the embedded mongod. Safe to call twice."""
        self._undo.close()

    def interrupt(self) -> None:
        """Cuts short what another thread has under way, and returns at once.

        A start gives up at its next step: it raises Unavailable and leaves nothing running. A stop
        does not wait for running tasks any longer: the workers hand them back.
        """
        self._interrupted.set()
        for name, actor in list(self._actors.items()):
            if name not in (SERVER, SCHEDULER):
                with suppress(ray.exceptions.RayError):
                    actor.hand_back.remote()

    def actor(self, name: str) -> Any:
        """The handle of an actor."""
        return self._actors[name]

    def _start(self) -> None:
        load_connectors(self._settings.connectors)  # a wrong key is told here, before anything runs
        data_dir = self._undo.enter_context(DataDirectory(self._settings.data_dir)).path
        keys = keys_for(self._settings.queue, data_dir)
        with ThreadPoolExecutor(1) as helper:
            database = helper.submit(self._start_database, data_dir)
            try:
                self._enter("starting Ray")
                address = self._start_ray()
            finally:
                self.store_url = database.result()
        self._enter("starting the actors")
        self._start_actors(Ground(_with_fixed_port(self._settings), self.store_url, keys))
        self._leave_note(data_dir, address)

    def _enter(self, step: str) -> None:
        self._go_on()
        self._tell(step)

    def _go_on(self) -> None:
        if self._interrupted.is_set():
            raise Unavailable("the start was interrupted")

    def _start_ray(self) -> str:
        self._undo.callback(leave_ray)
        return start_ray(self._settings.ray, log_to_driver=self._log_to_driver)

    def _start_database(self, data_dir: Path) -> str:
        url = self._settings.store.url
        if url is None:
            self._enter("starting the embedded MongoDB")
            self._mongod = EmbeddedMongod(data_dir, cache_mb=self._settings.store.cache_mb)
            self._undo.callback(self._mongod.stop)
            self._mongod.start()
            url = self._mongod.url
        store = MongoBlockingStore(self._settings.store, url)
        try:
            store.prepare(new_owner("start"))
        finally:
            store.close()
        return url

    def _start_actors(self, ground: Ground) -> None:
        self._undo.callback(self._stop_actors)
        self._spawn(SCHEDULER, SchedulerActor, ground)
        for name, pool in worker_names(ground.settings.all_pools).items():
            self._spawn(name, WorkerActor, name, ground, pool)
        self._spawn(SERVER, ServerActor, ground)
        self._await_all({name: actor.ready.remote() for name, actor in self._actors.items()})
        self.url = ray.get(self._actors[SERVER].ready.remote(), timeout=_START_SECONDS)

    def _spawn(self, name: str, shell: type, *arguments: Any) -> None:
        options = {"name": name, "lifetime": "detached", "max_restarts": -1, "num_cpus": 0}
        # All on this node: the queue listens on loopback.
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        try:
            self._actors[name] = (
                ray.remote(shell).options(**options, scheduling_strategy=here).remote(*arguments)
            )
        except ValueError as error:
            raise ConfigError(
                f"a cluster runs already in the Ray namespace {self._settings.ray.namespace!r} ({error}): "
                "stop it, or choose another ray.namespace"
            ) from error

    def _await_all(self, pending: dict[str, Any]) -> None:
        for name, reference in pending.items():
            try:
                self._await(reference)
            except ray.exceptions.RayTaskError as error:
                raise _cause(error) from None
            except (ray.exceptions.RayError, TimeoutError) as error:
                raise Unavailable(f"the actor {name!r} does not start: {error}") from error

    def _await(self, reference: Any) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not ray.wait([reference], timeout=_WATCH_SECONDS)[0]:
            self._go_on()
            if time.monotonic() > deadline:
                raise TimeoutError(f"not ready after {_START_SECONDS} s")
        ray.get(reference)

    def _stop_actors(self) -> None:
        """The gateway first, so that nothing new is accepted; then the workers drain; then the scheduler."""
        workers = [name for name in self._actors if name not in (SERVER, SCHEDULER)]
        patience = self._settings.worker.grace + timedelta(seconds=_STOP_SECONDS)
        for group in ([SERVER], workers, [SCHEDULER]):
            closing = [self._actors[name].close.remote() for name in group if name in self._actors]
            ray.wait(closing, num_returns=len(closing), timeout=patience.total_seconds())
        for actor in self._actors.values():
            ray.kill(actor, no_restart=True)
        self._actors.clear()

    def _leave_note(self, data_dir: Path, address: str) -> None:
        record = ClusterRecord(
            pid=os.getpid(),
            url=self.url,
            ray_address=address,
            namespace=self._settings.ray.namespace,
            started_at=datetime.now(UTC),
        )
        record.write(data_dir)
        self._undo.callback(remove_record, data_dir)


def _with_fixed_port(settings: Settings) -> Settings:
    """Port 0 means any free one, but the same after a restart of the server."""
    if settings.gateway.port != 0:
        return settings
    gateway = settings.gateway.model_copy(update={"port": free_port()})
    return settings.model_copy(update={"gateway": gateway})


def _cause(error: ray.exceptions.RayTaskError) -> Exception:
    """What the actor raised, without Ray's wrapping."""
    cause = error.cause
    return cause if isinstance(cause, KaryaError) else Unavailable(f"an actor does not start: {cause!r}")
