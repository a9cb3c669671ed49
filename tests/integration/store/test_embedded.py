"""The embedded mongod, with the real one: life, death, and what survives."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil
import pytest
from pymongo import MongoClient

from karya.core.errors import ConfigError, DataDirectoryInUse, Unavailable
from karya.store.embedded import EmbeddedMongod
from karya.store.mongod import log
from karya.store.mongod.binary import find_mongod
from karya.store.mongod.orphan import await_orphan

START = """
import sys
from karya.store.embedded import EmbeddedMongod
mongod = EmbeddedMongod(sys.argv[1])
mongod.start()
print(mongod.pid, flush=True)
sys.stdin.read()
"""


def eventually(condition: Callable[[], bool], within: float = 60.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"not within {within} s"
        time.sleep(0.02)


def is_dead(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def was_told_to_stop(directory: Path) -> bool:
    return "Terminated" in (directory / "mongod.log").read_text()


def write(url: str, value: int) -> None:
    client: MongoClient[dict[str, Any]]
    with MongoClient(url, w="majority") as client:
        client.test.numbers.insert_one({"_id": value})


def read(url: str) -> list[int]:
    client: MongoClient[dict[str, Any]]
    with MongoClient(url) as client:
        return [found["_id"] for found in client.test.numbers.find().sort("_id")]


@pytest.fixture
def mongod(tmp_path: Path) -> Iterator[EmbeddedMongod]:
    mongod = EmbeddedMongod(tmp_path)
    yield mongod
    mongod.stop()


def kill(mongod: EmbeddedMongod) -> None:
    assert mongod.pid is not None
    os.kill(mongod.pid, signal.SIGKILL)
    eventually(lambda: mongod.poll() is not None)


def test_starts_as_a_primary_with_transactions_and_stops(mongod: EmbeddedMongod) -> None:
    mongod.start()
    pid = mongod.pid
    client: MongoClient[dict[str, Any]]
    with MongoClient(mongod.url) as client:
        with client.start_session() as session, session.start_transaction():
            client.test.numbers.insert_one({"_id": 1}, session=session)
        options = client.admin.command("getCmdLineOpts")["parsed"]
    assert options["net"]["bindIp"] == "127.0.0.1"
    engine = options["storage"]["wiredTiger"]["engineConfig"]
    assert engine["cacheSizeGB"] == 1
    assert "eviction_dirty_target=20" in engine["configString"], "see decision 0072"
    assert pid is not None
    assert mongod.is_running

    mongod.stop()
    assert is_dead(pid)
    assert (mongod.pid, mongod.poll(), mongod.is_running) == (None, None, False)
    assert not mongod.restart_if_dead()


def test_acknowledged_writes_and_the_port_survive_kill_9(mongod: EmbeddedMongod) -> None:
    mongod.start()
    port, pid = mongod.port, mongod.pid
    write(mongod.url, 1)
    kill(mongod)
    assert mongod.poll() == -signal.SIGKILL
    assert mongod.restart_if_dead()
    assert not mongod.restart_if_dead()
    assert mongod.port == port
    assert mongod.pid != pid
    assert read(f"mongodb://127.0.0.1:{port}/?replicaSet=karya") == [1]


def test_a_client_reconnects_by_itself_after_a_restart(mongod: EmbeddedMongod) -> None:
    mongod.start()
    client: MongoClient[dict[str, Any]]
    with MongoClient(mongod.url) as client:
        client.test.numbers.insert_one({"_id": 1})
        kill(mongod)
        mongod.restart_if_dead()
        assert client.test.numbers.count_documents({}) == 1


def test_the_data_moves_to_another_port(mongod: EmbeddedMongod, tmp_path: Path) -> None:
    mongod.start()
    write(mongod.url, 1)
    mongod.stop()
    other = EmbeddedMongod(tmp_path)
    assert other.port != mongod.port
    try:
        other.start()
        write(other.url, 2)
        assert read(other.url) == [1, 2]
    finally:
        other.stop()


def test_dies_with_its_parent_killed_9_and_its_data_opens_again(
    mongod: EmbeddedMongod, tmp_path: Path
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", START, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert psutil.Process(pid).name() == "mongod"
        assert os.getsid(pid) != os.getsid(parent.pid)
        parent.kill()
    mongod.start()
    assert is_dead(pid)
    assert mongod.pid != pid


def test_outlives_the_thread_that_started_it(mongod: EmbeddedMongod, tmp_path: Path) -> None:
    starter = threading.Thread(target=mongod.start)
    starter.start()
    starter.join()
    with pytest.raises(AssertionError, match="not within"):
        eventually(lambda: was_told_to_stop(tmp_path), within=0.5)
    mongod.stop()
    assert was_told_to_stop(tmp_path)


def test_waits_for_an_orphan_and_then_names_it(mongod: EmbeddedMongod, tmp_path: Path) -> None:
    mongod.start()
    with pytest.raises(DataDirectoryInUse, match=f"mongod pid {mongod.pid}, left by"):
        await_orphan(tmp_path / "mongo", timedelta(milliseconds=100))


def test_a_stale_lock_with_a_reused_pid_is_no_orphan(tmp_path: Path) -> None:
    (tmp_path / "mongod.lock").write_text(f"{os.getpid()}\n")
    await_orphan(tmp_path, timedelta(0))


def test_a_taken_port_is_told_with_the_reason_and_leaves_nothing(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        mongod = EmbeddedMongod(tmp_path, port=taken.getsockname()[1])
        with pytest.raises(Unavailable, match="Address already in use"):
            mongod.start()
    assert not mongod.is_running


def test_another_mongod_on_the_port_is_not_taken_for_ours(mongod: EmbeddedMongod, tmp_path: Path) -> None:
    mongod.start()
    with pytest.raises(Unavailable, match="Address already in use"):
        EmbeddedMongod(tmp_path / "other", port=mongod.port).start()
    assert mongod.is_running


def test_a_start_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    mongod = EmbeddedMongod(tmp_path, start_timeout=timedelta(milliseconds=1))
    with pytest.raises(Unavailable, match=r"no writable primary within 0\.001 s"):
        mongod.start()
    assert not mongod.is_running


def test_stop_ends_a_start_that_is_under_way(tmp_path: Path) -> None:
    silent = tmp_path / "mongod"
    silent.write_text("#!/bin/sh\nexec sleep 60\n")
    silent.chmod(0o700)
    mongod = EmbeddedMongod(tmp_path, binary=silent)
    told: list[str] = []

    def start() -> None:
        try:
            mongod.start()
        except Unavailable as error:
            told.append(str(error))

    starter = threading.Thread(target=start)
    starter.start()
    eventually(lambda: mongod.is_running)
    mongod.stop()
    starter.join(60)
    assert len(told) == 1
    assert "it was stopped" in told[0]


def test_a_mongod_that_ends_at_once_is_told_with_its_last_words(tmp_path: Path) -> None:
    broken = tmp_path / "mongod"
    broken.write_text("#!/bin/sh\necho 'error while loading shared libraries: libcurl.so.4' >&2; exit 127\n")
    broken.chmod(0o700)
    with pytest.raises(Unavailable, match=r"ended with code 127: .*libcurl\.so\.4 .*apt-get install"):
        EmbeddedMongod(tmp_path, binary=broken).start()


def test_files_that_cannot_be_made_are_a_config_error(tmp_path: Path) -> None:
    (tmp_path / "mongo").touch()
    with pytest.raises(ConfigError, match=f"data_dir {tmp_path} cannot be used"):
        EmbeddedMongod(tmp_path).start()


def test_a_large_log_is_set_aside_and_reasons_come_from_the_new_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mongod.log"
    file.write_text('{"s": "E", "msg": "old"}\n')
    assert log.rotate(file) == file.stat().st_size
    assert log.last_reason(file, since=file.stat().st_size) == "it wrote nothing"
    monkeypatch.setattr(log, "ROTATE_BYTES", 10)
    assert log.rotate(file) == 0
    assert (tmp_path / "mongod.log.old").read_text() == '{"s": "E", "msg": "old"}\n'
    file.write_text('{"s": "F", "msg": "why", "attr": {"error": "disk"}}\n{"s": "I", "msg": "bye"}\n')
    assert log.last_reason(file) == "why: disk"


def test_mongod_on_the_path_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = tmp_path / "mongod"
    mine.touch(mode=0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_mongod() == mine


class _Wheel:
    def __init__(self, root: Path) -> None:
        self._root = root

    def locate_file(self, path: str) -> Path:
        return self._root / path


def test_the_wheels_mongod_is_made_executable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundled = tmp_path / "fiftyone/db/bin/mongod"
    bundled.parent.mkdir(parents=True)
    bundled.touch(mode=0o600)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(metadata, "distribution", lambda name: _Wheel(tmp_path))
    assert find_mongod() == bundled
    assert os.access(bundled, os.X_OK)


def test_without_any_mongod_the_three_ways_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> Any:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(metadata, "distribution", absent)
    with pytest.raises(ConfigError, match=r"store\.url.*PATH.*pip install 'karya\[embedded\]'"):
        find_mongod()
