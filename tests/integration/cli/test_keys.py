"""A queue beyond loopback: keys are made, kept, handed over, and in nobody's log."""

import json
import socket
import stat
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.integration.cli.command import Up, await_nothing_left, descendants, karya, until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(400)]

NOOP = '{"action": {"type": "noop"}}'


def own_address() -> str | None:
    """An address of this machine that is not loopback."""
    for addresses in psutil.net_if_addrs().values():
        for found in addresses:
            if found.family == socket.AF_INET and not found.address.startswith("127."):
                return found.address
    return None


OUTSIDE = own_address()


@pytest.mark.skipif(OUTSIDE is None, reason="this machine has no address but loopback")
def test_a_queue_beyond_loopback(tmp_path: Path) -> None:
    assert OUTSIDE is not None
    with Up(tmp_path, "--workers", "1", KARYA_QUEUE__HOST=OUTSIDE) as up:
        up.await_url()
        assert listening(tmp_path) == {("ray::SchedulerActor", OUTSIDE)}
        completes_a_job(tmp_path)
        old = scheduler(tmp_path)
        old.kill()
        until(lambda: listening(tmp_path) == {("ray::SchedulerActor", OUTSIDE)}, 60, "another dispatcher")
        assert scheduler(tmp_path).pid != old.pid
        completes_a_job(tmp_path)
        kept = keys(tmp_path)
        assert karya(tmp_path, "down").returncode == 0
        assert up.await_end() == 0
        tells_nobody(kept, up.text, tmp_path)
        await_nothing_left(tmp_path)
    with Up(tmp_path, "--workers", "1", KARYA_QUEUE__HOST=OUTSIDE) as again:
        again.await_url()
        assert keys(tmp_path) == kept
        completes_a_job(tmp_path)


def test_a_key_that_others_can_read_keeps_it_from_starting(tmp_path: Path) -> None:
    (tmp_path / ".karya").mkdir()
    file = tmp_path / ".karya" / "queue-keys.json"
    file.write_text("{}")
    file.chmod(0o644)
    with Up(tmp_path, KARYA_QUEUE__HOST="0.0.0.0") as up:
        assert up.await_end() == 2
        assert up.lines[-1] == f"karya: {file} holds secret keys and is open to others: chmod 600 {file}\n"


def scheduler(home: Path) -> psutil.Process:
    (found,) = (process for process in descendants(home) if name(process) == "ray::SchedulerActor")
    return found


def name(process: psutil.Process) -> str:
    try:
        return (process.cmdline() or [""])[0].split(".")[0]
    except psutil.Error:
        return ""


def listening(home: Path) -> set[tuple[str, str]]:
    """Who of this cluster listens beyond loopback, and where."""
    found = set()
    for process in descendants(home):
        with suppress(psutil.Error):
            for connection in process.net_connections("tcp"):
                address = connection.laddr.ip.removeprefix("::ffff:") if connection.laddr else ""
                if connection.status == psutil.CONN_LISTEN and address not in ("127.0.0.1", "::1"):
                    found.add((name(process), address))
    return found


def completes_a_job(home: Path) -> None:
    job = json.loads(karya(home, "submit", "-", "--json", text=NOOP).stdout)["id"]
    deadline = time.monotonic() + 60
    while json.loads(karya(home, "job", job, "--json").stdout)["job"]["status"] != "COMPLETED":
        assert time.monotonic() < deadline


def keys(home: Path) -> dict[str, str]:
    file = home / ".karya" / "queue-keys.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    found: dict[str, str] = json.loads(file.read_text())
    return found


def tells_nobody(kept: dict[str, str], said: str, home: Path) -> None:
    """Neither the command nor Ray, whose newest session is that of this cluster, has written a key down."""
    logs = [file for file in Path("/tmp/ray").glob("session_2*/logs/**/*") if file.is_file()]
    texts = [said, *(file.read_text(errors="replace") for file in logs if was_of(file, home))]
    assert len(texts) > 1, "no log of Ray was found: the test shows nothing"
    assert [secret for secret in kept.values() if any(secret in text for text in texts)] == []


def was_of(file: Path, home: Path) -> bool:
    return file.stat().st_mtime >= (home / ".karya" / "queue-keys.json").stat().st_mtime
