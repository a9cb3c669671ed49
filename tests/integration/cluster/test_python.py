"""Functions that run as Ray tasks, end to end."""

import os
from pathlib import Path
from typing import Any

import psutil
import pytest

from karya import schedule
from karya.actors.cluster.remote import RayTasks
from karya.core.errors import InvalidInput, Unavailable
from karya.core.job import JobState
from karya.core.task import TaskState
from karya.core.times import format_instant
from karya.core.views import SummaryView
from tests.support import declared_tasks
from tests.support.eventually import eventually
from tests.support.running import Running

pytestmark = pytest.mark.cluster

PATIENCE = 60.0
"""The first function waits for a process, whose start takes seconds on a busy machine."""
ONCE = {"max_attempts": 1}


def call(name: str, *args: Any, **fields: Any) -> dict[str, Any]:
    resources = {"num_cpus": 0}
    return {
        "type": "python",
        "function": f"tests.support.functions:{name}",
        "args": args,
        "resources": resources,
        **fields,
    }


def ended(karya: Running, action: dict[str, Any], **job: Any) -> SummaryView:
    return karya.ended(karya.karya.submit({"action": action, **job}).id, PATIENCE)


def test_sync_and_async_functions_return_their_results(karya: Running) -> None:
    steps = [
        {"name": "one", "action": call("add", 1, kwargs={"right": 2})},
        {"name": "two", "after": ["one"], "action": call("add_later", "{{ steps.one.result.sum }}", 4)},
    ]
    summary = karya.ended(karya.karya.submit({"steps": steps}).id, PATIENCE)
    assert {task.step: task.result for task in summary.tasks} == {"one": {"sum": 3}, "two": 7}


def test_a_function_learns_of_its_attempt(karya: Running) -> None:
    (task,) = ended(karya, call("told", "ada")).tasks
    assert (task.result["name"], task.result["attempt"]) == ("ada", 1)
    assert (task.result["task_id"], task.result["instant"]) == (task.id, format_instant(task.instant))


def test_an_exception_that_cannot_be_pickled_is_told_and_retried(karya: Running) -> None:
    retry = {"max_attempts": 2, "delay": "PT0.1S", "retry_on": ["exception.Odd"]}
    summary = ended(karya, call("odd"), retry=retry)
    assert [error.error.splitlines()[0] for error in summary.errors] == ["Odd: 1 is not 2"] * 2
    assert summary.tasks[0].status is TaskState.DEAD


def test_a_process_that_dies_costs_one_attempt(karya: Running, tmp_path: Path) -> None:
    retry = {"max_attempts": 2, "delay": "PT0.1S", "retry_on": ["process"]}
    summary = ended(karya, call("die_at_first", str(tmp_path / "seen")), retry=retry)
    assert (summary.tasks[0].status, summary.tasks[0].result) == (TaskState.SUCCEEDED, "alive")
    assert [error.error for error in summary.errors] == ["the process of the function died in mid-call"]


def test_it_runs_in_a_process_of_its_own(karya: Running, tmp_path: Path) -> None:
    pid = _stuck(karya, tmp_path, "PT1H")
    assert pid not in {os.getpid(), *karya.actor_pids("WorkerActor")}
    karya.kill(pid)


@pytest.mark.parametrize("stubborn", [False, True])
def test_a_cancel_stops_the_function(karya: Running, tmp_path: Path, stubborn: bool) -> None:
    job = karya.karya.submit({"action": call("pid_of_stuck", str(tmp_path / "pid"), stubborn), "retry": ONCE})
    pid = _pid(tmp_path)
    karya.karya.cancel(job.id)
    eventually(lambda: not _runs(pid, "pid_of_stuck"), 30, "the end of the function")
    summary = karya.ended(job.id, 30)
    assert summary.job.status is JobState.CANCELLED


def test_a_timeout_stops_the_function(karya: Running, tmp_path: Path) -> None:
    ended(karya, call("add", 1))  # leaves a process behind, whose start may take longer than the timeout
    pid = _stuck(karya, tmp_path, "PT8S")
    eventually(lambda: not _runs(pid, "pid_of_stuck"), 30, "the end of the function")


def test_the_function_dies_with_its_worker(karya: Running, tmp_path: Path) -> None:
    pid = _stuck(karya, tmp_path, "PT1H")
    for worker in karya.actor_pids("WorkerActor"):
        karya.kill(worker)
    eventually(lambda: not _runs(pid, "pid_of_stuck"), 30, "the end of the function")
    karya.ready()


def test_an_environment_of_its_own_is_refused(karya: Running) -> None:
    status, problem = karya.http("POST", "/v1/jobs", {"action": call("add", 1, runtime_env={"pip": ["x"]})})
    assert (status, problem["errors"][0]["field"]) == (422, "action.runtime_env")
    assert "connectors.python.runtime_env" in problem["errors"][0]["message"]


def test_other_modules_are_refused(karya: Running) -> None:
    status, problem = karya.http("POST", "/v1/jobs", {"action": {"type": "python", "function": "os:getcwd"}})
    assert (status, problem["errors"][0]["field"]) == (422, "action.function")


async def test_what_ray_and_the_function_raise(karya: Running) -> None:
    run = RayTasks().run
    assert await run("operator:truediv", [6, 3], {}, {"num_cpus": 0}) == 2
    with pytest.raises(ZeroDivisionError):
        await run("operator:truediv", [6, 0], {}, {"num_cpus": 0})
    with pytest.raises(InvalidInput, match=r"Ray refuses the task: .*num_cpus"):
        await run("operator:truediv", [6, 3], {}, {"num_cpus": -1})
    with pytest.raises(Unavailable, match="RuntimeEnvSetupError"):
        environment = {"working_dir": "https://127.0.0.1:9/absent.zip"}
        await run("operator:truediv", [6, 3], {}, {"num_cpus": 0, "runtime_env": environment})


def _stuck(karya: Running, tmp_path: Path, timeout: str) -> int:
    action = call("pid_of_stuck", str(tmp_path / "pid"))
    karya.karya.submit({"action": action, "timeout": timeout, "retry": ONCE})
    return _pid(tmp_path)


def _pid(tmp_path: Path) -> int:
    file = tmp_path / "pid"
    pid = int(eventually(lambda: file.exists() and file.read_text(), PATIENCE, "the start of the function"))
    assert _runs(pid, "pid_of_stuck")
    return pid


def _runs(pid: int, name: str) -> bool:
    """Whether the process is busy with this function: Ray puts it into the title."""
    try:
        return name in " ".join(psutil.Process(pid).cmdline())
    except psutil.Error:
        return False


def test_a_task_runs_as_a_job_with_its_own_policy(karya: Running) -> None:
    job = declared_tasks.report.using(karya.karya).submit("2026-11-23", currency="USD")
    ended = karya.ended(job.id, 60)
    (ran,) = ended.tasks
    assert ran.result == {"day": "2026-11-23", "currency": "USD", "attempt": ran.attempts}
    assert (ended.job.retry.max_attempts, ended.job.tags) == (3, ("reports",))
    scheduled = schedule(declared_tasks.add, args=[1], kwargs={"b": 2}, connection=karya.karya, name="adding")
    assert karya.ended(scheduled.id, 60).tasks[0].result == 3
