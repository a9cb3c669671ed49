"""The stages on which faults are played: what stands beside a `karya up`, and what it is told.

A new one is a subclass and a line in STAGES; its faults name it.
"""

import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

from karya.store.embedded import EmbeddedMongod
from karya.store.mongod.port import free_port
from tests.chaos import clocks
from tests.chaos.nodes import RayProcess
from tests.chaos.proxies.control import ProxyProcess
from tests.chaos.replica_set import ReplicaSet
from tests.chaos.timing import STORE_TIMEOUT, WORKERS


class Stage:
    """Everything on this machine, and the database embedded."""

    name: ClassVar[str] = "plain"
    crew: ClassVar[Mapping[str, int]] = {
        "karya up": 1,
        "mongod": 1,
        "raylet": 1,
        "gcs": 1,
        "scheduler": 1,
        "server": 1,
        "supervisor": 1,
        "worker": WORKERS,
    }
    """How many processes of each role there are when all is well."""

    wave: ClassVar[float] = 10.0
    """Seconds from one wave of jobs to the next."""

    def __init__(self, home: Path) -> None:
        self.home = home

    @classmethod
    def obstacle(cls) -> str:
        """Why it cannot be set up on this machine, and the way out; empty if it can."""
        return ""

    def start(self) -> Mapping[str, str]:
        """Starts what has to be there before the cluster; returns settings of it, as environment variables.
        Blocks."""
        return {}

    def revive(self) -> None:
        """Brings back what of it `ClusterUnderTest.kill_everything` has taken. Blocks."""

    def stop(self) -> None:
        """Ends what `start` has started, even if it came half-way only."""


class ReplicaStage(Stage):
    """MongoDB is a replica set of three members beside the cluster, which finds it by `store.url`."""

    name = "replica-set"
    crew: ClassVar[Mapping[str, int]] = {
        role: number for role, number in Stage.crew.items() if role != "mongod"
    }

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.members = ReplicaSet(home)

    def start(self) -> Mapping[str, str]:
        self.members.start()
        return {"KARYA_STORE__URL": self.members.url}

    def stop(self) -> None:
        self.members.stop()


class ProxiedStage(Stage):
    """Karya reaches its MongoDB, and the workers reach the dispatcher, through proxies."""

    name = "proxied"
    crew: ClassVar[Mapping[str, int]] = {
        role: number for role, number in Stage.crew.items() if role != "mongod"
    }
    replies: ProxyProcess
    messages: ProxyProcess

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self._undo = ExitStack()

    def start(self) -> Mapping[str, str]:
        """The lock tells workers where the dispatcher is: on its way to MongoDB that becomes the proxy."""
        mongod = EmbeddedMongod(self.home / "database", patience=STORE_TIMEOUT)
        self._undo.callback(mongod.stop)
        mongod.start()
        store, listens, told = free_port(), free_port(), free_port()
        swap = [f"tcp://127.0.0.1:{port}" for port in (listens, told)]
        self.replies = ProxyProcess("mongo", store, mongod.port, *swap)
        self._undo.callback(self.replies.stop)
        self.messages = ProxyProcess("queue", told, listens)
        self._undo.callback(self.messages.stop)
        return {
            "KARYA_STORE__URL": f"mongodb://127.0.0.1:{store}/?directConnection=true",
            "KARYA_QUEUE__PORT": str(listens),
        }

    def stop(self) -> None:
        """See Stage."""
        self._undo.close()


class NodesStage(Stage):
    """Ray has three nodes, which the cluster has joined: scheduler and server are on that of its head, and
    each has a worker. Ray notices within 2 s that a node is dead."""

    name = "nodes"
    _NODES = 3
    crew: ClassVar[Mapping[str, int]] = {**Stage.crew, "raylet": _NODES}

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.nodes = RayProcess(home, self._NODES)

    def start(self) -> Mapping[str, str]:
        """See Stage."""
        self.nodes.start()
        return {
            "KARYA_RAY__ADDRESS": self.nodes.address,
            "KARYA_QUEUE__HOST": "0.0.0.0",
            "KARYA_QUEUE__ADVERTISE": "127.0.0.1",
        }

    def revive(self) -> None:
        """See Stage."""
        self.nodes.start()

    def stop(self) -> None:
        """See Stage."""
        self.nodes.stop()


class ClocksStage(Stage):
    """Every actor has a wall clock of its own. The library that makes it so stands between the process and
    every look at a clock: an actor then takes several times the processor that it takes elsewhere."""

    name = "clocks"
    wave = 20.0

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.clocks = home / "clocks"

    @classmethod
    def obstacle(cls) -> str:
        """See Stage."""
        if clocks.library() is not None:
            return ""
        return f"libfaketime is not installed: on Debian and Ubuntu, apt-get install {clocks.PACKAGE}"

    def start(self) -> Mapping[str, str]:
        """See Stage."""
        clocks.install(self.clocks)
        return {"PYTHONPATH": str(self.clocks)}


class SmallDiskStage(Stage):
    """The data directory is a disk of its own, in memory, which is soon full."""

    name = "small-disk"
    _SIZE_MB = 700

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.disk = home / ".karya"

    @classmethod
    def obstacle(cls) -> str:
        """See Stage."""
        with TemporaryDirectory() as place:
            refusal = _mounted(Path(place), 1)
            if not refusal:
                _unmount(Path(place))
        return f"a small disk cannot be mounted ({refusal}): be root" if refusal else ""

    def start(self) -> Mapping[str, str]:
        """See Stage."""
        self.disk.mkdir(mode=0o700)
        if refusal := _mounted(self.disk, self._SIZE_MB):
            raise OSError(refusal)
        return {}

    def stop(self) -> None:
        """See Stage."""
        if self.disk.is_mount():
            _unmount(self.disk)


def _mounted(place: Path, megabytes: int) -> str:
    """Mounts a disk; returns why it cannot be, if so."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", str(place)]
    try:
        return subprocess.run(command, capture_output=True, text=True).stderr.strip()
    except OSError as error:
        return str(error)


def _unmount(place: Path) -> None:
    subprocess.run(["umount", "--lazy", str(place)], check=True)


STAGES: Mapping[str, type[Stage]] = {
    stage.name: stage
    for stage in (Stage, ReplicaStage, ProxiedStage, NodesStage, ClocksStage, SmallDiskStage)
}
