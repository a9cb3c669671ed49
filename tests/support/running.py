"""A whole cluster in this process: real mongod, Ray, ZeroMQ and gateway, with short leases."""

import os
import signal
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import psutil
import ray

from karya.actors.cluster.handle import Karya, connect
from karya.actors.cluster.lifecycle import Cluster
from karya.core.configuration import read_settings
from karya.core.job import JobState
from karya.core.task import TaskState
from karya.core.views import SummaryView, TaskView
from tests.support.eventually import eventually

SHORT: Mapping[str, Any] = {
    "gateway.port": 0,
    "queue.heartbeat": "PT0.3S",
    "scheduler.lease": "PT6S",
    "scheduler.sweep": "PT0.5S",
    "scheduler.resend_after": "PT1S",
    "worker.lease": "PT6S",
    "worker.grace": "PT2S",
}
"""Leases that are soon over, and survive that a process of a busy machine stands still for some seconds."""
PATIENCE = 90.0
"""Seconds to wait for what comes soon or never. Ray waits a minute for a process that died in its start."""


class Running:
    """A started cluster and the ways to use and to hurt it."""

    def __init__(self, cluster: Cluster, karya: Karya) -> None:
        self.cluster = cluster
        self.karya = karya

    def http(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """One request to the gateway; its status and its JSON (None without a body)."""
        status, _, answer = self.exchange(method, path, body, **headers)
        return status, answer

    def exchange(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, Mapping[str, str], Any]:
        """The same with the headers of the answer. In the names of those to send `_` stands for `-`; bytes
        as a body are sent as they are."""
        data = body if body is None or isinstance(body, bytes) else orjson.dumps(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"content-type": "application/json", **named}
        request = urllib.request.Request(self.cluster.url + path, data, sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.headers, _json(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, error.headers, _json(error.read())

    def submit(self, **spec: Any) -> str:
        """Submits a job over HTTP; its id."""
        status, job = self.http("POST", "/v1/jobs", spec)
        assert status == 201, job
        ident: str = job["id"]
        return ident

    def text(self, path: str) -> str:
        """The body of a page of the gateway."""
        with urllib.request.urlopen(self.cluster.url + path, timeout=60) as answer:
            body: bytes = answer.read()
            return body.decode()

    def ended(self, job_id: str, timeout: float) -> SummaryView:
        """Waits until the job has ended; its summary."""

        def look() -> SummaryView | None:
            summary = self.karya.summary(job_id)
            return summary if summary.job.status is not JobState.ACTIVE else None

        return eventually(look, timeout, f"the end of job {job_id}")

    def all_tasks(self, job_id: str) -> list[TaskView]:
        """Those of a job, page by page; a summary has the latest alone."""
        page = self.karya.tasks(job_id, limit=100)
        tasks = list(page.tasks)
        while page.next_cursor is not None:
            page = self.karya.tasks(job_id, cursor=page.next_cursor, limit=100)
            tasks += page.tasks
        return tasks

    def at_rest(self, job_id: str, timeout: float = PATIENCE) -> None:
        """Waits until nothing of a job runs any more: what was claimed in time may arrive somewhat later."""

        def rests() -> bool:
            return TaskState.RUNNING not in self.karya.summary(job_id).counts

        eventually(rests, timeout, f"the end of all that runs of job {job_id}")

    def ready(self, timeout: float = PATIENCE) -> None:
        """Waits until every part answers; AssertionError with what is missing otherwise."""
        try:
            eventually(lambda: self.readiness().startswith("200 "), timeout)
        except AssertionError:
            raise AssertionError(f"not ready within {timeout:g} s: {self.readiness()}") from None

    def readiness(self) -> str:
        """The status and the reasons that /readyz gives, or why nobody gives any."""
        try:
            status, answer = self.http("GET", "/readyz")
        except (OSError, HTTPException) as error:
            return repr(error)
        return f"{status} {answer}"

    def actor_pids(self, kind: str) -> list[int]:
        """The processes of the actors of one class, such as WorkerActor."""
        children = psutil.Process().children(recursive=True)
        return [child.pid for child in children if _is(child, f"ray::{kind}")]

    def names(self) -> set[str]:
        """The actors that Ray knows."""
        return set(ray.util.list_named_actors())

    def counted(self, metric: str, label: str = "") -> float:
        """The sum of all samples of a metric, with this label (`reason="hung"`) or any; 0 when nobody says
        one."""
        lines = [line for line in self.text("/metrics").splitlines() if label in line]
        return sum(float(line.split()[-1]) for line in lines if line.startswith(f"{metric}{{"))

    def kill(self, pid: int) -> None:
        """kill -9."""
        os.kill(pid, signal.SIGKILL)

    @property
    def mongod_pid(self) -> int:
        """The process of the cluster's own embedded mongod: the tests may have another one running."""
        port = str(urlsplit(self.cluster.store_url).port)
        mongods = [child for child in psutil.Process().children(True) if child.name() == "mongod"]
        return next(child.pid for child in mongods if port in child.cmdline())


def _json(body: bytes) -> Any:
    return orjson.loads(body) if body else None


def _is(process: psutil.Process, name: str) -> bool:
    try:
        command = process.cmdline()
    except psutil.Error:
        return False
    return bool(command) and command[0].split(".")[0] == name


@contextmanager
def running(data_dir: Path, **overrides: Any) -> Iterator[Running]:
    """A cluster on this data directory, watched as `karya up` would, stopped at the end."""
    dotted = {name.replace("__", "."): value for name, value in overrides.items()}
    cluster = Cluster(read_settings("", {}, {**SHORT, "data_dir": str(data_dir), **dotted}))
    stopping = threading.Event()
    watcher = threading.Thread(target=cluster.watch, args=(stopping,), name="watch")
    cluster.start()
    watcher.start()
    try:
        started = Running(cluster, connect())
        started.ready()
        yield started
    finally:
        stopping.set()
        watcher.join()
        cluster.stop()
