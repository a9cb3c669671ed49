"""The cluster under test: a `karya up` on a data directory of its own, and its processes by their roles."""

import os
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from karya.store.mongod.port import free_port
from tests.chaos.timing import SETTINGS
from tests.integration.cli.command import KARYA, Up, descendants, environment, until

_ROLES = {
    "ray::SchedulerActor": "scheduler",
    "ray::WorkerActor": "worker",
    "ray::ServerActor": "server",
    "ray::SupervisorActor": "supervisor",
    "mongod": "mongod",
    "raylet": "raylet",
    "gcs_server": "gcs",
    "karya": "karya up",
}
_GONE_SECONDS = 15
_START_SECONDS = 150
_METADATA = "Metadata-Version: 2.1\nName: karya-connector-chaos\nVersion: 0\n"
_ENTRY_POINTS = "[karya.connectors]\npoison = tests.chaos.poison:PoisonConnector\n"
_ROOT = Path(__file__).parents[2]


class ClusterUnderTest:
    """Started, broken and started again. All of it blocks: call it in a thread."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        self.logs: list[str] = []
        """Where the actors of each start write what they log."""
        self.configure({})
        self._up: Up | None = None

    def configure(self, settings: Mapping[str, str]) -> None:
        """Adds settings, as environment variables. A PYTHONPATH is added to the one of its own."""
        path = os.pathsep.join((str(_ROOT), str(_site(self.home)), settings.get("PYTHONPATH", "")))
        self._settings = {**SETTINGS, **settings, "PYTHONPATH": path}

    @property
    def url(self) -> str:
        """The gateway: the same through all restarts."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def said(self) -> str:
        """What the present `karya up` has printed."""
        return self._up.text if self._up is not None else ""

    def start(self) -> None:
        """Starts it and waits until it is ready, which takes long on a machine with much else to do.
        AssertionError with its words when it does not come up."""
        up = self._up = Up(self.home, "--port", str(self.port), **self._settings)

        def ready() -> bool:
            assert up.runs, f"karya up has ended: {up.text}"
            return "Karya is ready at" in up.text

        until(ready, _START_SECONDS, "a ready cluster")
        self.logs += _sessions(self.processes("raylet"))

    def kill_everything(self) -> None:
        """kill -9 of all of its processes, until none is left."""

        def gone() -> bool:
            for process in descendants(self.home):
                signalled(process.pid, signal.SIGKILL)
            return not descendants(self.home)

        until(gone, _GONE_SECONDS, "the end of all processes")
        if self._up is not None:
            self._up.__exit__()

    def processes(self, role: str | None = None) -> Sequence[psutil.Process]:
        """Those of one role, or all that have any, in the order of their ids."""
        roles = [(process, role_of(process)) for process in descendants(self.home)]
        return sorted((p for p, found in roles if found and role in (None, found)), key=lambda p: p.pid)

    def crew(self) -> Mapping[str, int]:
        """How many processes there are of each role."""
        return Counter(role for process in self.processes() if (role := role_of(process)))

    def command(self, *arguments: str, seconds: float = 120) -> "subprocess.CompletedProcess[str]":
        """Runs a `karya` command beside it, with the same settings."""
        environ = environment(self.home, **self._settings)
        return subprocess.run(
            [KARYA, *arguments], cwd=self.home, env=environ, capture_output=True, text=True, timeout=seconds
        )


def role_of(process: psutil.Process) -> str | None:
    """What a process is in the cluster; None for helpers and for what has just ended."""
    try:
        command = process.cmdline()
        name = Path(command[0]).name if command else ""
        if name.startswith("python") and any(part.endswith("/karya") for part in command[1:2]):
            name = "karya"
    except psutil.Error:
        return None
    return _ROLES.get(name) or _ROLES.get(name.split(".")[0])


def signalled(pid: int, number: signal.Signals) -> None:
    """Sends a signal; a process that has gone already has had it."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _sessions(raylets: Iterable[psutil.Process]) -> Iterator[str]:
    """The directories of their Ray sessions, as their command lines name them."""
    for raylet in raylets:
        option = next((part for part in raylet.cmdline() if part.startswith("--session_dir=")), "")
        yield f"{option.partition('=')[2]}/logs"


def _site(home: Path) -> Path:
    """Something like an installed package, whose entry points Karya finds on the Python path."""
    site = home / "site"
    shutil.rmtree(site, ignore_errors=True)
    info = site / "karya_connector_chaos-0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(_METADATA)
    (info / "entry_points.txt").write_text(_ENTRY_POINTS)
    return site


def pids(processes: Iterable[psutil.Process]) -> str:
    """For people."""
    return ", ".join(str(process.pid) for process in processes)
