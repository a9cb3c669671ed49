"""A replica set of three mongods beside the cluster, each of which can be killed and begun again."""

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import AutoReconnect, PyMongoError

from karya.store.mongod import replica_set
from karya.store.mongod.binary import find_mongod
from karya.store.mongod.command import LEAST_CACHE_MB, command
from karya.store.mongod.port import free_port
from tests.chaos.timing import STORE_TIMEOUT

MEMBERS = 3
_TEST_COMMANDS = ("--setParameter", "enableTestCommands=1")
_READY_SECONDS = 60.0
_LOOK = 0.1
_PROBE_MILLIS = 2_000

_Client = MongoClient[dict[str, Any]]


class ReplicaSet:
    """All of it blocks: call it in a thread."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.ports: Sequence[int] = ()
        self._running: dict[int, subprocess.Popen[bytes]] = {}

    @property
    def url(self) -> str:
        """For clients: all members, so that they find the primary whoever it is."""
        members = ",".join(f"{replica_set.HOST}:{port}" for port in self.ports)
        return f"mongodb://{members}/?replicaSet={replica_set.NAME}"

    def start(self) -> None:
        """Three new members, one of them a primary that takes writes. TimeoutError when there is none."""
        self.ports = [free_port() for _ in range(MEMBERS)]
        for port in self.ports:
            self.begin(port)
        members = [
            {"_id": number, "host": f"{replica_set.HOST}:{port}"} for number, port in enumerate(self.ports)
        ]
        initiate = {"replSetInitiate": {"_id": replica_set.NAME, "members": members}}
        _until(lambda: self._said_yes(self.ports[0], initiate), "a replica set")
        _until(lambda: self.primary() is not None, "a primary")

    def begin(self, port: int) -> None:
        """Starts a member on the data that it has."""
        data = self._home / f"member-{port}"
        data.mkdir(parents=True, exist_ok=True)
        log = self._home / f"member-{port}.log"
        program = command(find_mongod(), data, log, port, LEAST_CACHE_MB, STORE_TIMEOUT)
        self._running[port] = subprocess.Popen(
            [*program, *_TEST_COMMANDS], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )

    def kill(self, port: int) -> int:
        """kill -9 of a member; returns its process id."""
        process = self._running.pop(port)
        process.kill()
        process.wait()
        return process.pid

    def stop(self) -> None:
        """kill -9 of all that run."""
        for port in list(self._running):
            self.kill(port)

    def primary(self) -> int | None:
        """The port of the member that is primary and takes writes now."""
        return next((port for port in self._running if self._is_primary(port)), None)

    def step_down(self, port: int, seconds: int) -> None:
        """The primary of this port gives up and does not stand again for so many seconds."""
        with suppress(AutoReconnect):  # it may close the connection instead of answering
            self.run(port, {"replSetStepDown": seconds, "secondaryCatchUpPeriodSecs": 2})

    def fail(self, point: str, mode: Mapping[str, Any] | str, data: Mapping[str, Any]) -> int:
        """Sets a fail point on all running members: whoever becomes primary has it. Returns how often it had
        been hit before, since they started."""
        asked = {"configureFailPoint": point, "mode": mode, "data": data}
        return sum(self.run(port, asked)["count"] for port in self._running)

    def run(self, port: int, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        """A command for one member; raises PyMongoError."""
        client: _Client
        with MongoClient(
            replica_set.HOST,
            port,
            directConnection=True,
            serverSelectionTimeoutMS=_PROBE_MILLIS,
            connectTimeoutMS=_PROBE_MILLIS,
        ) as client:
            answer: Mapping[str, Any] = client.admin.command(dict(asked))
            return answer

    def _is_primary(self, port: int) -> bool:
        try:
            return bool(self.run(port, {"hello": 1}).get("isWritablePrimary"))
        except PyMongoError:
            return False

    def _said_yes(self, port: int, asked: Mapping[str, Any]) -> bool:
        try:
            self.run(port, asked)
        except PyMongoError:
            return False
        return True


def _until(done: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {_READY_SECONDS:g} s")
        time.sleep(_LOOK)
