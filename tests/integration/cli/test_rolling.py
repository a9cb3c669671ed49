"""`karya restart` under load: all are replaced, each task runs exactly once, and none is late for long."""

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.integration.cli.command import Up, await_nothing_left, descendants, karya
from tests.support.eventually import eventually
from tests.support.target import Call, Target

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(400)]

JOBS = 20
EVERY = 0.1
PATIENCE = 150
LATE_SECONDS = 40.0
"""Two are promised, on a machine that is not busy with other things."""
AWAY_SECONDS = 60.0


def actors(home: Path, kind: str) -> set[int]:
    return {process.pid for process in descendants(home) if is_actor(process, kind)}


def is_actor(process: psutil.Process, kind: str) -> bool:
    try:
        return bool(process.cmdline()) and process.cmdline()[0].startswith(f"ray::{kind}")
    except psutil.Error:
        return False


def http(method: str, url: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def submit(gateway: str, url: str) -> list[str]:
    spec = {"schedule": {"kind": "interval", "every": f"PT{EVERY}S"}, "action": {"type": "rest", "url": url}}
    ids: list[str] = http("POST", f"{gateway}/v1/jobs/batch", [spec] * JOBS)["ids"]
    return ids


@contextmanager
def watched(url: str) -> Iterator[list[float]]:
    """Asks the gateway all the time; the list gets the lengths (seconds) for which it was not to be had."""
    over, away = threading.Event(), [0.0]

    def ask() -> None:
        answered = time.monotonic()
        while not over.wait(0.02):
            try:
                urllib.request.urlopen(f"{url}/healthz", timeout=5).close()
            except OSError:
                continue
            now = time.monotonic()
            away.append(now - answered)
            answered = now

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield away
    finally:
        over.set()
        thread.join()


def lateness(call: Call) -> float:
    return call.wall - instant(call).timestamp()


def instant(call: Call) -> datetime:
    return datetime.fromisoformat(call.headers["karya-instant"])


def check(jobs: list[str], calls: list[Call]) -> None:
    """Every instant of every job from its first to its last arrived, once and in time."""
    for job in jobs:
        told = sorted(instant(call) for call in calls if call.headers["karya-job-id"] == job)
        steps = {round((b - a).total_seconds(), 3) for a, b in pairwise(told)}
        assert steps == {EVERY}
    assert len({call.headers["webhook-id"] for call in calls}) == len(calls)
    latest = max(map(lateness, calls))
    print(f"the latest of {len(calls)} came {latest:.2f} s late")
    assert latest < LATE_SECONDS


@pytest.mark.parametrize("option", [pytest.param("", marks=pytest.mark.slow), "--all"])
def test_each_task_runs_once_while_all_are_replaced(tmp_path: Path, option: str) -> None:
    with Target.running() as target, Up(tmp_path) as up:
        url = up.await_url()
        jobs = submit(url, target.at("/load"))
        before = {kind: actors(tmp_path, kind) for kind in ("Worker", "Scheduler", "Server")}
        with watched(url) as away:
            done = karya(tmp_path, "restart", *option.split(), seconds=PATIENCE)
        assert done.returncode == 0, done.stderr
        assert "worker-0: replaced by worker-2\nworker-1: replaced by worker-0\n" in done.stdout
        assert done.stdout.endswith("restarted\n")
        check_replaced(before, {kind: actors(tmp_path, kind) for kind in before}, bool(option))
        print(f"the gateway was away for {max(away):.2f} s at most")
        assert max(away) < AWAY_SECONDS
        arrived = len(target.calls)
        eventually(lambda: len(target.calls) > arrived + 5 * JOBS, PATIENCE, "runs after the restart")
        for job in jobs:
            http("POST", f"{url}/v1/jobs/{job}/cancel")
        assert karya(tmp_path, "down").returncode == 0
        assert up.await_end() == 0
        check(jobs, target.calls)
        await_nothing_left(tmp_path)


def check_replaced(before: dict[str, set[int]], after: dict[str, set[int]], everything: bool) -> None:
    assert len(after["Worker"]) == 2
    assert before["Worker"].isdisjoint(after["Worker"])
    for kind in ("Scheduler", "Server"):
        assert len(after[kind]) == 1
        assert before[kind].isdisjoint(after[kind]) == everything


def test_settings_that_work_are_taken_over_and_others_are_not(tmp_path: Path) -> None:
    with Up(tmp_path) as up:
        url = up.await_url()
        good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
        good.write_text("worker: {count: 3}\nqueue: {heartbeat: PT2S}\n")
        done = karya(tmp_path, "restart", "--config", str(good), seconds=PATIENCE)
        assert done.returncode == 0, done.stderr
        assert "not changed before the next start: queue" in done.stderr
        eventually(lambda: len(actors(tmp_path, "Worker")) == 3, PATIENCE, "three workers")
        bad.write_text("gateway: {require_tokens: true}\n")
        failed = karya(tmp_path, "restart", "--config", str(bad), seconds=PATIENCE)
        assert failed.returncode == 12, "a part was restarted"
        assert "server does not start: the gateway would ask for a token" in failed.stderr
        eventually(lambda: karya(tmp_path, "status").returncode == 0, PATIENCE, "the server of before")
        assert http("GET", f"{url}/v1/jobs")["jobs"] == []
        eventually(lambda: len(actors(tmp_path, "Worker")) == 3, PATIENCE, "three workers as before")
        assert karya(tmp_path, "down").returncode == 0
        await_nothing_left(tmp_path)


def test_nobody_is_restarted_where_no_cluster_runs(tmp_path: Path) -> None:
    done = karya(tmp_path, "restart")
    assert done.returncode == 5
    assert "no cluster runs on the data directory" in done.stderr
