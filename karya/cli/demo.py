"""`karya demo`."""

import statistics
import sys
import tempfile
from contextlib import ExitStack, redirect_stdout
from typing import TYPE_CHECKING, Any

import typer

from karya.cli.exits import Exit
from karya.cli.options import DataDir, Json
from karya.cli.output import Progress, note, say, say_json

if TYPE_CHECKING:
    from karya.cli.demo_check import Verdict
    from karya.cli.demo_target import DemoTarget
    from karya.cli.hosting import Hosted

_SETTLE_SECONDS = 0.5
"""How long a call that comes once too often is waited for."""


def demo(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Start a cluster, run real jobs against a local HTTP target, check what arrived there, stop."""
    from karya.cli.demo_jobs import ANSWERS, FAILURES
    from karya.cli.demo_target import running_target
    from karya.cli.hosting import hosted
    from karya.core.configuration import read_settings

    with ExitStack() as stack:
        if as_json:  # what is seen on the way is for people
            stack.enter_context(redirect_stdout(sys.stderr))
        tell = stack.enter_context(Progress())
        directory = str(data_dir) if data_dir else stack.enter_context(_temporary_directory())
        target = stack.enter_context(running_target(FAILURES, ANSWERS))
        settings = read_settings("", {}, {"data_dir": directory, "gateway.port": 0})
        cluster = stack.enter_context(hosted(settings, tell))
        tell.done()
        say(f"Karya runs at {cluster.url}, the target of the jobs at {target.url}")
        fine, verdict = _play(cluster, target)
    if as_json:
        say_json(_as_data(verdict))
    if not fine:
        raise typer.Exit(Exit.FAILED)


def _temporary_directory() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix="karya-demo-", ignore_cleanup_errors=True)


def _play(cluster: "Hosted", target: "DemoTarget") -> "tuple[bool, Verdict]":
    """Plays, and judges; says whether all went well, and what was found."""
    from karya.cli.demo_check import check
    from karya.cli.demo_play import Play

    play = Play(cluster, target)
    expected = play.run()
    cluster.wait(_SETTLE_SECONDS)
    verdict = check(expected, target.arrivals)
    _print_verdict(verdict)
    return play.in_time and not verdict.problems, verdict


def _as_data(verdict: "Verdict") -> dict[str, Any]:
    from karya.cli.demo_check import millis

    return {"problems": list(verdict.problems), "late_ms": sorted(map(millis, verdict.lateness))}


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
