"""kill -9 of the whole cluster at once, then a second start on the same data directory."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cli.command import Up, await_nothing_left, karya
from tests.support.eventually import eventually
from tests.support.target import Target, hang, respond

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(400)]

SHORT = {"KARYA_SCHEDULER__LEASE": "PT3S", "KARYA_WORKER__LEASE": "PT3S", "KARYA_SCHEDULER__SWEEP": "PT0.5S"}
RETRY = {"backoff": "constant", "delay": "PT0.2S"}


def submit(home: Path, url: str, **schedule: Any) -> str:
    spec = {"schedule": schedule, "action": {"type": "rest", "url": url}, "retry": RETRY}
    answer = karya(home, "submit", "-", "--json", text=json.dumps(spec))
    assert answer.returncode == 0, answer.stderr
    job: str = json.loads(answer.stdout)["id"]
    return job


def ended(home: Path, job: str) -> Any:
    summary = json.loads(karya(home, "job", job, "--json").stdout)
    return summary if summary["job"]["status"] == "COMPLETED" else None


def test_everything_accepted_is_still_there_after_everything_was_killed(tmp_path: Path) -> None:
    with Target.running() as target:
        running = target.at("/running", hang(), respond())
        with Up(tmp_path, **SHORT) as up:
            up.await_url()
            every = submit(tmp_path, target.at("/every"), kind="interval", every="PT1S", max_runs=10)
            busy = submit(tmp_path, running, kind="once")
            eventually(lambda: target.calls_to("/running"), 60, "a run in flight")
            eventually(lambda: len(target.calls_to("/every")) >= 2, 60, "two runs")
            pending = submit(tmp_path, target.at("/pending"), kind="once", after="PT6S")
            up.kill_everything()
        await_nothing_left(tmp_path)
        with Up(tmp_path, **SHORT) as up:
            up.await_url()
            for job in (pending, every, busy):
                eventually(lambda job=job: ended(tmp_path, job), 60, f"the end of job {job}")
            karya(tmp_path, "down")
    assert [call.headers["karya-attempt"] for call in target.calls_to("/running")] == ["1", "2"]
    assert len(target.calls_to("/pending")) == 1
    instants = {call.headers["karya-instant"] for call in target.calls_to("/every")}
    assert len(instants) == 10


def test_a_killed_cluster_can_be_started_again_at_once(tmp_path: Path) -> None:
    """What it left behind holds its port and its database for a moment longer."""
    with Up(tmp_path) as first:
        port = first.await_url().rpartition(":")[2]
        first.signal(signal.SIGKILL)
        with Up(tmp_path, "--port", port) as second:
            assert second.await_url().endswith(port)
            assert karya(tmp_path, "down").returncode == 0
