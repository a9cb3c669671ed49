"""A real cluster to measure, and the ways to fill it and to read what it did."""

import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pymongo
from pymongo import MongoClient
from pymongo.database import Database

from bench.filling import Document, Model, fill, fill_history
from bench.noted import NotedAction
from bench.notes import installed_for, noted_lags
from bench.target import Target
from karya.actors.cluster.handle import Karya, connect
from karya.actors.cluster.lifecycle import Cluster
from karya.core.action import Action, NoopAction
from karya.core.configuration import read_settings
from karya.core.times import floor_millis

_POLL_SECONDS = 0.01
_PATIENCE_SECONDS = 180.0
_FILLED_A_SECOND = 8_000
_ACTORS = frozenset(f"ray::{kind}Actor" for kind in ("Server", "Scheduler", "Worker", "Supervisor"))


class Rig:
    """A running cluster with its database opened beside it."""

    def __init__(self, cluster: Cluster, target: Target, workers: int, notes: Path) -> None:
        self.cluster = cluster
        self.target = target
        self.workers = workers
        self._notes = notes
        settings = read_settings("", {})
        self._client: MongoClient[Document] = MongoClient(cluster.store_url, tz_aware=True)
        self.database: Database[Document] = self._client[settings.store.database]

    def close(self) -> None:
        """Leaves the database alone."""
        self._client.close()

    def run(self, count: int, seconds: float = 0.0, *, action: Action | None = None) -> "Run":
        """Lets so many jobs fall due, evenly spread over so many seconds, and waits until all have ended."""
        run = self.prepare(count, seconds, action=action)
        run.await_end(seconds + _PATIENCE_SECONDS)
        return run

    def lags(self, count: int, seconds: float) -> Sequence[float]:
        """The same with jobs whose starts are noted: how late each began, in milliseconds, in ascending
        order."""
        return self.run(count, seconds, action=NotedAction()).noted_lags()

    def prepare(self, count: int, seconds: float = 0.0, *, action: Action | None = None) -> "Run":
        """The same, without waiting: all are stored, and the first is due in a moment."""
        first = soon(2 + count / _FILLED_A_SECOND)
        due = [first + timedelta(seconds=seconds * number / count) for number in range(count)]
        fill(self.database, Model.of(action or NoopAction(type="noop")), due)
        late = (datetime.now(UTC) - first).total_seconds()
        if late > 0:
            raise RuntimeError(f"the jobs were stored {late:.1f} s too late to be measured")
        return self.between(due[0], due[-1])

    def between(self, first: datetime, last: datetime) -> "Run":
        """The jobs that were due within these instants, both included."""
        return Run(self.database, self._notes, first, last)

    def handle(self) -> Karya:
        """What a Python program in the Ray cluster uses."""
        return connect()

    def pend(self, count: int) -> None:
        """Stores jobs that are due tomorrow, a millisecond apart."""
        tomorrow = soon(86_400)
        due = (tomorrow + timedelta(milliseconds=number) for number in range(count))
        fill(self.database, Model.of(NoopAction(type="noop")), due)

    def remember(self, count: int) -> None:
        """Stores jobs that ran in the last hours, a millisecond apart."""
        since = soon(-2 * 3_600)
        ended = (since + timedelta(milliseconds=number) for number in range(count))
        fill_history(self.database, Model.of(NoopAction(type="noop")), ended)

    def empty(self) -> None:
        """Removes all jobs and tasks, so that one measurement does not weigh on the next."""
        for name in ("jobs", "tasks", "requests", "job_changes"):
            self.database[name].delete_many({})

    def processes(self) -> dict[str, psutil.Process]:
        """Karya's own processes: this one, and one for each actor."""
        return {"karya up": psutil.Process(), **actors_below(psutil.Process())}

    def others(self) -> dict[str, psutil.Process]:
        """What runs beside them: mongod, and the processes of Ray."""
        children = psutil.Process().children(recursive=True)
        ours = {process.pid for process in self.processes().values()} | {self.target.pid}
        return {f"{child.name()} {child.pid}": child for child in children if child.pid not in ours}


class Run:
    """Jobs that were due within a range of instants in which there are no others."""

    def __init__(self, database: Database[Document], notes: Path, first: datetime, last: datetime) -> None:
        self._database = database
        self._notes = notes
        self._range = {"$gte": floor_millis(first), "$lte": last}
        self._last = last
        self.first = first
        self.ended = 0.0

    def await_end(self, timeout: float) -> None:
        """Waits until no job of it is ACTIVE: task *and* job have durably ended."""
        deadline = time.monotonic() + timeout
        while self._is_active():
            if time.monotonic() > deadline:
                raise TimeoutError(f"jobs are still ACTIVE after {timeout} s")
            time.sleep(_POLL_SECONDS)
        self.ended = time.time()

    def _is_active(self) -> bool:
        """The last one is asked for first: it is met at once where asking in order would pass over the index
        entries of all that have ended, and take from mongod what is measured."""
        active = {"status": "ACTIVE", "cursor.exhausted": True, "cursor.at": self._range}
        for way in (pymongo.DESCENDING, pymongo.ASCENDING):
            last_first = [("cursor.at", way), ("_id", way)]
            if self._database.jobs.find_one(active, {"_id": 1}, hint="active", sort=last_first):
                return True
        return False

    @property
    def seconds(self) -> float:
        """From the first instant until the last job had ended."""
        return self.ended - self.first.timestamp()

    def start_lags(self) -> Sequence[float]:
        """The start of every task less its instant, in milliseconds, in ascending order, as the store has it:
        whole ones, rounded up."""
        tasks = self._database.tasks.find(self._ended(), {"instant": 1, "started_at": 1})
        return sorted((task["started_at"] - task["instant"]).total_seconds() * 1000 for task in tasks)

    def noted_lags(self) -> Sequence[float]:
        """The same of jobs with the action `noted`, as it wrote it down itself: with fractions."""
        count = self._database.tasks.count_documents(self._ended())
        return noted_lags(self._notes, floor_millis(self.first), self._last, count)

    def _ended(self) -> Document:
        return {"status": "SUCCEEDED", "instant": self._range}


def soon(seconds: float) -> datetime:
    """So many seconds from now."""
    return datetime.now(UTC) + timedelta(seconds=seconds)


def cpu_seconds(processes: Iterable[psutil.Process]) -> float:
    """What they have used of a processor since they began."""
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def actors_below(starter: psutil.Process) -> dict[str, psutil.Process]:
    """The actors of the Ray that this process has started: other clusters of the machine have their own."""
    named = ((_title(child), child) for child in starter.children(recursive=True))
    return {
        f"{title.removeprefix('ray::')} {child.pid}": child
        for title, child in named
        if title.split(".")[0] in _ACTORS
    }


def _title(process: psutil.Process) -> str:
    try:
        return next(iter(process.cmdline()), "")
    except psutil.NoSuchProcess:
        return ""


@contextmanager
def running_cluster(workers: int) -> Iterator[Rig]:
    """A cluster on a data directory of its own, stopped at the end."""
    with tempfile.TemporaryDirectory(prefix="karya-bench-") as directory, Target() as target:
        notes = Path(directory, "notes")
        notes.mkdir()
        overrides = {
            "data_dir": f"{directory}/data",
            "gateway.port": 0,
            "worker.count": workers,
            "log.level": "warning",
            "connectors.noted.folder": str(notes),
        }
        with (
            installed_for(Path(directory, "site")),
            _watched(Cluster(read_settings("", {}, overrides))) as cluster,
            closing(Rig(cluster, target, workers, notes)) as rig,
        ):
            yield rig


@contextmanager
def _watched(cluster: Cluster) -> Iterator[Cluster]:
    stopping = threading.Event()
    watcher = threading.Thread(target=cluster.watch, args=(stopping,), name="watch")
    cluster.start()
    watcher.start()
    try:
        yield cluster
    finally:
        stopping.set()
        watcher.join()
        cluster.stop()
