"""Three machines, and a MongoDB beside them."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from karya.store.mongod.binary import find_mongod
from karya.store.mongod.command import LEAST_CACHE_MB, command
from karya.store.mongod.port import free_port
from karya.store.mongod.process import start_bound
from karya.store.mongod.replica_set import HOST, NAME
from tests.integration.machines.fleet import ROOT, Fleet, written
from tests.support.eventually import eventually
from tests.support.machines import HERE, Machines, machines, obstacle
from tests.support.target import Target

BUILD = ("setuptools", "wheel")


@pytest.fixture(scope="package")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Karya's dependencies, at the versions of constraints.txt, for machines without a network."""
    home = tmp_path_factory.mktemp("wheels")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(home)]
    subprocess.run([*pip, "--constraint", "constraints.txt", ".", *BUILD], cwd=ROOT, check=True)
    return home


@pytest.fixture(scope="package")
def three(wheels: Path) -> Iterator[Machines]:
    if reason := obstacle():
        pytest.skip(reason)
    # Not below /tmp: each machine has one of its own.
    with tempfile.TemporaryDirectory(dir="/var/tmp") as home, machines(3, Path(home), wheels) as found:
        yield found


@pytest.fixture(scope="package")
def mongodb(three: Machines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of one that the machines reach."""
    home, port = tmp_path_factory.mktemp("mongodb"), free_port()
    program = command(find_mongod(), home, home / "log", port, LEAST_CACHE_MB)
    program[program.index(HOST)] = HERE
    process = start_bound(program, home / "output")
    client: MongoClient[dict[str, Any]] = MongoClient(HERE, port, directConnection=True)
    try:
        members = [{"_id": 0, "host": f"{HERE}:{port}"}]
        client.admin.command("replSetInitiate", {"_id": NAME, "members": members})
        eventually(lambda: client.admin.command("hello")["isWritablePrimary"], 30, "a primary")
        yield f"mongodb://{HERE}:{port}/?replicaSet={NAME}"
    finally:
        client.close()
        process.kill()
        process.wait()


@pytest.fixture(scope="package")
def fleet(three: Machines, mongodb: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """What `ray up` makes of them."""
    fleet = Fleet(written(tmp_path_factory.mktemp("fleet"), three, mongodb), three.addresses)
    fleet.ray("up")
    fleet.await_workers(120)
    yield fleet
    fleet.ray("down")


@pytest.fixture(scope="package")
def target(three: Machines) -> Iterator[Target]:
    with Target.running(HERE) as started:
        yield started
