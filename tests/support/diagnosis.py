"""What the report of a failed test on a whole cluster shows: which parts live, and what they said last."""

import time
from collections.abc import Generator, Iterable
from pathlib import Path

import psutil
import pytest
import ray

from tests.support.running import Running

_LINES = 30
_CHARACTERS = 300
"""Of one line: Ray explains a death at length."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """For a conftest: adds to the report of a failure what the cluster was like just then."""
    report = yield
    karya = getattr(item, "funcargs", {}).get("karya")
    if report.failed and isinstance(karya, Running):
        try:
            found = diagnosis(karya)
        except Exception as error:
            found = repr(error)  # the failure itself matters more
        report.sections.append((f"the cluster after the {report.when}", found))
    return report


def diagnosis(karya: Running) -> str:
    """The answer of /readyz, the processes, the ends of the actors' own logs and of Ray's."""
    kinds = ("SchedulerActor", "WorkerActor", "ServerActor", "SupervisorActor")
    logs = Path(ray._private.worker._global_node.get_logs_dir_path())
    newest = sorted(logs.glob("python-core-worker-*.log"), key=lambda log: log.stat().st_ctime)[-1:]
    return "\n".join(
        [
            f"/readyz: {karya.readiness()}",
            *(f"{kind}: {karya.actor_pids(kind)}" for kind in kinds),
            *_processes(),
            *_ends(sorted(logs.glob("worker-*.out")) + sorted(logs.glob("worker-*.err"))),
            # A process that hangs before it becomes an actor, or that died of it, is the last one to write.
            *_ends([*newest, logs / "raylet.out", logs / "gcs_server.out"]),
        ]
    )


def _processes() -> Iterable[str]:
    """One line each. A process of Ray that is no actor after some seconds hangs in its start."""
    for process in psutil.Process().children(recursive=True):
        try:
            age = time.time() - process.create_time()
            yield f"{process.pid} {process.status()} for {age:.0f} s: {' '.join(process.cmdline())[:100]}"
        except psutil.Error as error:
            yield repr(error)


def _ends(logs: Iterable[Path]) -> Iterable[str]:
    """The last lines of those that hold more than Ray's own headings."""
    for log in logs:
        lines = log.read_text(errors="replace").splitlines()
        said = [line[:_CHARACTERS] for line in lines if not line.startswith(":")]
        if said:
            yield f"--- {log.name} {' '.join(line for line in lines if line.startswith(':actor_name:'))}"
            yield from said[-_LINES:]
