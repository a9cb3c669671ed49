"""`karya demo`."""

import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

import typer

from karya.cli.exits import Exit
from karya.cli.options import DataDir
from karya.cli.output import Progress, note, say

if TYPE_CHECKING:
    from karya.actors.cluster.handle import Karya
    from karya.cli.demo_check import Verdict
    from karya.cli.demo_jobs import DemoJob
    from karya.cli.demo_target import DemoTarget
    from karya.cli.hosting import Hosted

_PATIENCE_SECONDS = 30
_LOOK_EVERY = 0.2
_SETTLE_SECONDS = 0.5
"""How long a call that comes once too often is waited for."""


def demo(data_dir: DataDir = None) -> None:
    """Start a cluster, run real jobs against a local HTTP target, check what arrived there, stop."""
    from karya.cli.demo_jobs import FAILURES, FLAKY
    from karya.cli.demo_target import running_target
    from karya.cli.hosting import hosted
    from karya.core.settings import read_settings

    with ExitStack() as stack:
        tell = stack.enter_context(Progress())
        directory = str(data_dir) if data_dir else stack.enter_context(_temporary_directory())
        target = stack.enter_context(running_target({FLAKY: FAILURES}))
        settings = read_settings("", {}, {"data_dir": directory, "gateway.port": 0})
        cluster = stack.enter_context(hosted(settings, tell))
        tell.done()
        say(f"Karya runs at {cluster.url}, the target of the jobs at {target.url}")
        fine = _play(cluster, target)
    if not fine:
        raise typer.Exit(Exit.FAILED)


def _temporary_directory() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix="karya-demo-", ignore_cleanup_errors=True)


def _play(cluster: "Hosted", target: "DemoTarget") -> bool:
    """Submits the jobs, shows them run, and judges; says whether all went well."""
    import karya
    from karya.cli.demo_check import check

    handle = karya.connect()
    jobs = _submit_all(cluster.url, handle, target.url)
    in_time = _watch(cluster, handle, jobs)
    cluster.wait(_SETTLE_SECONDS)
    verdict = check([one for job in jobs for one in job.expected], target.arrivals)
    _print_verdict(verdict)
    if not in_time:
        note(f"karya: not everything was done after {_PATIENCE_SECONDS} s")
    return in_time and not verdict.problems


def _submit_all(url: str, handle: "Karya", target: str) -> "list[DemoJob]":
    from karya.cli.client import call
    from karya.cli.demo_jobs import failing_twice, one_time, recurring
    from karya.core.views import JobView

    def over_http(spec: object) -> JobView:
        return JobView.model_validate(call(url, "POST", "/v1/jobs", spec))

    return [
        one_time(over_http, target),
        recurring(handle.submit, target),
        failing_twice(over_http, target),
    ]


def _watch(cluster: "Hosted", handle: "Karya", jobs: "Sequence[DemoJob]") -> bool:
    """Shows the executions until all have ended; False when that takes too long."""
    from karya.cli.demo_board import Board, executions

    wanted = sum(len(job.expected) for job in jobs)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    with Board() as board:
        while time.monotonic() < deadline:
            rows = executions({job.name: handle.summary(job.id) for job in jobs})
            board.show(rows)
            if sum(row.ended for row in rows) >= wanted:
                return True
            cluster.wait(_LOOK_EVERY)
    return False


def _print_verdict(verdict: "Verdict") -> None:
    from karya.cli.demo_check import millis

    for problem in verdict.problems:
        note(f"karya: {problem}")
    late = sorted(millis(lateness) for lateness in verdict.lateness)
    if late:
        middle = round(statistics.median(late))
        say(f"The target saw {len(late)} calls, their lateness: p50 {middle} ms, max {late[-1]} ms.")
    if not verdict.problems:
        say("Each arrived exactly once, never early, on time.")
