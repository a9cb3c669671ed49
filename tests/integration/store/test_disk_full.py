"""A full disk ends the embedded mongod, which says so; when there is room again everything is still there."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pymongo
import pytest
from pymongo.errors import PyMongoError

from karya.core.errors import Unavailable
from karya.store.disk import LEAST_FREE_BYTES, full_disk
from karya.store.embedded import EmbeddedMongod
from karya.store.mongod.command import LEAST_CACHE_MB
from tests.support.eventually import eventually

SIZE_MB = 500


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of 500 MB in memory."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", str(tmp_path)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"cannot mount a small disk: {mounted.stderr.decode().strip()}")
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def test_what_was_acknowledged_outlives_a_full_disk(small_disk: Path) -> None:
    assert full_disk(small_disk) is None
    ballast = small_disk / "ballast"
    # A start writes out what was dirty, so a small disk wants a small cache (decision 0072).
    mongod = EmbeddedMongod(small_disk, cache_mb=LEAST_CACHE_MB)
    mongod.start()
    try:
        client: pymongo.MongoClient[dict[str, object]] = pymongo.MongoClient(
            mongod.url, w="majority", journal=True, serverSelectionTimeoutMS=2_000
        )
        _fill(small_disk, ballast)
        acknowledged = _write_until_it_fails(client)
        eventually(lambda: not mongod.is_running, 30, "the end of mongod on a full disk")
        with pytest.raises(Unavailable, match=r"the disk of .* is full .*make room"):
            mongod.restart_if_dead()
        ballast.unlink()
        assert mongod.restart_if_dead()
        assert client.test.kept.count_documents({"_id": {"$lte": acknowledged}}) == acknowledged
        client.close()
    finally:
        mongod.stop()


def test_a_disk_that_cannot_be_asked_is_not_called_full(tmp_path: Path) -> None:
    assert full_disk(tmp_path / "absent") is None


def _fill(disk: Path, ballast: Path) -> None:
    free = os.statvfs(disk)
    size = free.f_bavail * free.f_frsize - LEAST_FREE_BYTES // 4
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, size)


def _write_until_it_fails(client: "pymongo.MongoClient[dict[str, object]]") -> int:
    """The number of the last document that was acknowledged."""
    number = 0
    try:
        while True:
            client.test.kept.insert_one({"_id": number + 1, "noise": os.urandom(256 * 1024)})
            number += 1
    except PyMongoError:
        return number
