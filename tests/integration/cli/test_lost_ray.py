"""Ray's own processes are killed under `karya up`: everything is rebuilt, and jobs go on without a person."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cli.command import Up, await_nothing_left, descendants, karya
from tests.support.eventually import eventually
from tests.support.target import Target

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(400)]

SHORT = {"KARYA_SCHEDULER__LEASE": "PT3S", "KARYA_WORKER__LEASE": "PT3S", "KARYA_SCHEDULER__SWEEP": "PT0.5S"}
PATIENCE = 120


RUNS = 40
JOB = {
    "schedule": {"kind": "interval", "every": "PT0.5S", "max_runs": RUNS},
    "retry": {"backoff": "constant", "delay": "PT0.2S", "max_attempts": 10},
}


def submit(home: Path, url: str) -> str:
    spec = {**JOB, "action": {"type": "rest", "url": url}}
    answer = karya(home, "submit", "-", "--json", text=json.dumps(spec))
    assert answer.returncode == 0, answer.stderr
    job: str = json.loads(answer.stdout)["id"]
    return job


def ended(home: Path, job: str) -> Any:
    answer = karya(home, "job", job, "--json")
    summary = json.loads(answer.stdout) if answer.returncode == 0 else {"job": {"status": answer.stderr}}
    return summary["counts"] if summary["job"]["status"] == "COMPLETED" else None


@pytest.mark.parametrize("name", ["raylet", "gcs_server"])
def test_everything_is_rebuilt_at_the_same_address(tmp_path: Path, name: str) -> None:
    with Target.running() as target, Up(tmp_path, **SHORT) as up:
        url = up.await_url()
        job = submit(tmp_path, target.at("/goes-on"))
        target.wait_for(3, PATIENCE)
        (victim,) = [process for process in descendants(tmp_path) if process.name() == name]
        victim.kill()
        up.await_line("ray_rebuilt")
        assert eventually(lambda: ended(tmp_path, job), PATIENCE, "the end of the job") == {"SUCCEEDED": RUNS}
        assert karya(tmp_path, "status", "--url", url).returncode == 0
        runs = {(call.headers["karya-instant"], call.headers["webhook-id"]) for call in target.calls}
        assert len(runs) == RUNS
        assert karya(tmp_path, "down").returncode == 0
        assert up.await_end() == 0
        await_nothing_left(tmp_path)
