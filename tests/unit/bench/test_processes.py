"""Which processes a measurement looks at."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from bench.rig import actors_below

_TITLE = "ray::WorkerActor.run"
_SLEEP = shutil.which("sleep")
_ELSEWHERE = f"""
import subprocess
quiet = subprocess.DEVNULL
print(subprocess.Popen([{_TITLE!r}, "60"], executable={_SLEEP!r}, stdout=quiet, stderr=quiet).pid)
"""


@contextmanager
def own_actor() -> Iterator[int]:
    """A process that calls itself as Ray's actors do."""
    with subprocess.Popen([_TITLE, "60"], executable=_SLEEP) as process:
        try:
            yield process.pid
        finally:
            process.kill()


@contextmanager
def actor_of_another_cluster() -> Iterator[int]:
    """The same, whose starter is gone."""
    starter = subprocess.run([sys.executable, "-c", _ELSEWHERE], capture_output=True, text=True, check=True)
    actor = psutil.Process(int(starter.stdout))
    try:
        yield actor.pid
    finally:
        actor.kill()


def test_actors_are_those_of_the_own_cluster() -> None:
    with own_actor() as own, actor_of_another_cluster() as other:
        assert other in psutil.pids()
        assert list(actors_below(psutil.Process())) == [f"WorkerActor.run {own}"]
