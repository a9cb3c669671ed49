"""A real cluster to measure, and the ways to fill it and to read what it did."""

import asyncio
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import psutil
import pymongo

from karya.actors.cluster.lifecycle import Cluster
from karya.core.action import NoopAction
from karya.core.configuration import read_settings
from karya.core.job import new_job
from karya.core.occurrence import opening
from karya.core.ports import Submission
from karya.core.spec import spec_model
from karya.core.times import floor_millis
from karya.store.provider import MongoStore

_CHUNK = 1_000
_POLL_SECONDS = 0.02
_SPEC = spec_model([NoopAction])
_ACTORS = frozenset(f"ray::{kind}Actor" for kind in ("Server", "Scheduler", "Worker", "Supervisor"))


class Rig:
    """A running cluster with its store opened beside it."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._settings = read_settings("", {})
        client: pymongo.MongoClient[dict[str, object]] = pymongo.MongoClient(cluster.store_url, tz_aware=True)
        self._database = client[self._settings.store.database]

    def fill(self, due: Sequence[datetime]) -> None:
        """Stores one no-op job for each instant, past the gateway, as durably as the gateway would."""
        asyncio.run(self._fill(due))

    async def _fill(self, due: Sequence[datetime]) -> None:
        store = MongoStore(self._settings.store, self.cluster.store_url)
        for start in range(0, len(due), _CHUNK):
            await store.jobs.submit([_submission(at) for at in due[start : start + _CHUNK]])
        store.close()

    def await_completed(self, timeout: float) -> float:
        """Waits until no job is ACTIVE; returns the wall time at which that was seen."""
        deadline = time.monotonic() + timeout
        while self._database.jobs.find_one({"status": "ACTIVE"}, {"_id": 1}):
            if time.monotonic() > deadline:
                raise TimeoutError(f"jobs are still ACTIVE after {timeout} s")
            time.sleep(_POLL_SECONDS)
        return time.time()

    def start_lags(self) -> list[float]:
        """The start lag of every finished task, in milliseconds, sorted."""
        tasks = self._database.tasks.find({"status": "SUCCEEDED"}, {"instant": 1, "started_at": 1})
        return sorted((task["started_at"] - task["instant"]).total_seconds() * 1000 for task in tasks)

    def empty(self) -> None:
        """Removes all jobs and tasks, so that one measurement does not weigh on the next."""
        self._database.jobs.delete_many({})
        self._database.tasks.delete_many({})

    def processes(self) -> dict[str, psutil.Process]:
        """Karya's own processes: this one, and one for each actor."""
        actors = [p for p in psutil.process_iter(["name", "cmdline"]) if _is_actor(p)]
        named = {f"{p.info['cmdline'][0].removeprefix('ray::')} {p.pid}": p for p in actors}
        return {"karya up": psutil.Process(), **named}


def _is_actor(process: psutil.Process) -> bool:
    command = process.info["cmdline"] or [""]
    return command[0].split(".")[0] in _ACTORS


def _submission(at: datetime) -> Submission:
    spec = _SPEC.model_validate({"schedule": {"kind": "once", "at": at}, "action": {"type": "noop"}})
    now = floor_millis(datetime.now(UTC))
    job = new_job(spec, now)
    return Submission(*opening(job))


@contextmanager
def running_cluster(workers: int) -> Iterator[Rig]:
    """A cluster on a data directory of its own, stopped at the end."""
    with tempfile.TemporaryDirectory(prefix="karya-bench-") as directory:
        overrides = {
            "data_dir": directory,
            "gateway.port": 0,
            "worker.count": workers,
            "log.level": "warning",
        }
        cluster = Cluster(read_settings("", {}, overrides))
        stopping = threading.Event()
        watcher = threading.Thread(target=cluster.watch, args=(stopping,), name="watch")
        cluster.start()
        watcher.start()
        try:
            yield Rig(cluster)
        finally:
            stopping.set()
            watcher.join()
            cluster.stop()
