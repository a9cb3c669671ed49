"""`karya up` from its ready line to its end, and the commands that talk to it."""

import json
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tests.integration.cli.command import Up, await_nothing_left, descendants, environment, karya
from tests.support.target import Target, hang

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(400)]

JOB = "description: from a file\naction: {type: noop}\nschedule: {kind: once, at: 2020-01-01T00:00:00Z}\n"
LATER = '{"action": {"type": "noop"}, "schedule": {"kind": "once", "after": "P1D"}}'
PROGRAM = """
import karya
jobs = karya.connect()
job = jobs.submit({"schedule": {"kind": "once", "after": "P1D"}, "action": {"type": "noop"}})
print(job.status, jobs.cancel(job.id).status)
"""
WRONG = '{"action": {"type": "rest", "url": "ftp://x"}, "schedule": {"kind": "interval", "every": "PT0S"}}'


def test_a_cluster_is_used_from_the_command_line_and_stopped_with_down(tmp_path: Path) -> None:
    with Up(tmp_path, "--workers", "1") as up:
        url = up.await_url()
        check_status(tmp_path, url)
        check_that_it_is_alone(tmp_path, url)
        check_jobs(tmp_path)
        check_refusals(tmp_path, url)
        check_a_python_program(tmp_path)
        check_that_all_of_it_listens_on_loopback(tmp_path)

        down = karya(tmp_path, "down")
        assert f"stopped the cluster on {tmp_path / '.karya'} (pid {up.pid})" in down.stdout
        assert not up.runs
        assert up.await_end() == 0
        assert up.lines[-1] == "stopped\n"
        await_nothing_left(tmp_path)
    assert karya(tmp_path, "status").returncode == 5
    assert karya(tmp_path, "status", "--url", url).returncode == 5


def check_status(home: Path, url: str) -> None:
    status = karya(home, "status")
    assert status.stdout == f"ready at {url}, workers connected: 1\n"
    assert status.returncode == 0
    found = json.loads(karya(home, "status", "--json", "--url", url).stdout)
    assert found == {"url": url, "ready": True, "reasons": {}, "workers": 1}


def check_that_it_is_alone(home: Path, url: str) -> None:
    second = karya(home, "up", "--port", "0")
    assert second.returncode == 2
    assert second.stderr.startswith(f"karya: data directory {home / '.karya'} is held by pid ")
    port = url.rpartition(":")[2]
    third = karya(home, "up", "--port", port, "--data-dir", "other")
    assert third.returncode == 2
    assert third.stderr.startswith(f"karya: port {port} of 127.0.0.1 is taken")


def check_jobs(home: Path) -> None:
    (home / "job.yaml").write_text(JOB)
    submitted = karya(home, "submit", "job.yaml")
    assert submitted.returncode == 0, submitted.stderr
    assert "in the past: the job runs now" in submitted.stderr
    done = submitted.stdout.split()[0]
    await_state(home, done, "COMPLETED")
    shown = karya(home, "job", done).stdout
    assert "tasks: 1 SUCCEEDED" in shown
    assert "from a file" in shown

    pending = json.loads(karya(home, "submit", "-", "--json", text=LATER).stdout)["id"]
    assert "CANCELLED" in karya(home, "cancel", pending).stdout
    await_state(home, pending, "CANCELLED")
    again = karya(home, "cancel", done)
    assert again.returncode == 7
    assert f"karya: job {done} is completed" in again.stderr

    listed = karya(home, "jobs").stdout
    assert done in listed
    assert pending in listed
    page = json.loads(karya(home, "jobs", "--json", "--limit", "1").stdout)
    assert [job["id"] for job in page["jobs"]] == [pending]


def await_state(home: Path, job_id: str, state: str) -> None:
    deadline = time.monotonic() + 60
    while json.loads(karya(home, "job", job_id, "--json").stdout)["job"]["status"] != state:
        assert time.monotonic() < deadline


def check_a_python_program(home: Path) -> None:
    """A process of its own, which knows nothing of the cluster but its data directory."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=home,
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "ACTIVE CANCELLED\n"


def check_that_all_of_it_listens_on_loopback(home: Path) -> None:
    listening = {
        connection.laddr.ip
        for process in descendants(home)
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}


def check_refusals(home: Path, url: str) -> None:
    wrong = karya(home, "submit", "-", "--url", url, text=WRONG)
    assert wrong.returncode == 2
    first, *fields = wrong.stderr.splitlines()
    assert first == "karya: refused:"
    assert [field.split(":")[0].strip() for field in fields] == ["schedule.every", "action.url"]
    missing = karya(home, "job", "no-such-job")
    assert missing.returncode == 6
    assert missing.stderr.startswith("karya: ")


def test_down_stops_a_cluster_that_is_still_starting(tmp_path: Path) -> None:
    with Up(tmp_path) as up, ThreadPoolExecutor() as aside:
        up.await_line("starting Ray")
        up.signal(signal.SIGSTOP)  # else it may be ready before the command has begun
        down = aside.submit(karya, tmp_path, "down")
        up.await_pending(signal.SIGTERM)
        up.signal(signal.SIGCONT)
        assert down.result().returncode == 0
        assert up.await_end() == 130, up.text
        assert up.lines[-1] == "karya: stopped by SIGTERM\n"
        assert "Karya is ready" not in up.text
        await_nothing_left(tmp_path)


def test_stops_although_nobody_hears_it_any_more(tmp_path: Path) -> None:
    with Up(tmp_path, heard_until="starting Ray") as up:
        up.await_silence()
        assert "starting Ray" in up.lines[-1]
        up.signal(signal.SIGTERM)
        up.await_end()
        await_nothing_left(tmp_path)


def test_ctrl_c_drains_and_a_second_one_hands_running_tasks_back(tmp_path: Path) -> None:
    with Target.running() as target, Up(tmp_path, KARYA_WORKER__GRACE="PT2M") as up:
        target.script(hang())
        url = up.await_url()
        spec = {"action": {"type": "rest", "url": f"{target.url}/slow", "timeout": "PT5M"}}
        assert karya(tmp_path, "submit", "-", "--url", url, text=json.dumps(spec)).returncode == 0
        target.wait_for(1, 60)

        up.signal(signal.SIGINT, group=True)
        up.await_line("stopping")
        with pytest.raises(AssertionError, match="the end of karya up"):
            up.await_end(seconds=3)
        assert not target.disconnected.is_set()
        up.signal(signal.SIGINT, group=True)
        assert up.await_end() == 0
        assert target.disconnected.is_set()
        assert "Traceback" not in up.text
        await_nothing_left(tmp_path)


def test_ctrl_c_while_the_actors_start_leaves_nothing(tmp_path: Path) -> None:
    with Up(tmp_path) as up:
        up.await_line("starting the actors")
        up.signal(signal.SIGINT)
        assert up.await_end() == 130, up.text
        assert up.lines[-1] == "karya: stopped by SIGINT\n"
        assert "Karya is ready" not in up.text
        await_nothing_left(tmp_path)


def test_a_ray_that_somebody_else_has_started_is_not_joined(tmp_path: Path) -> None:
    with Up(tmp_path, RAY_ADDRESS="127.0.0.1:1") as up:
        up.await_line("starting the actors")
