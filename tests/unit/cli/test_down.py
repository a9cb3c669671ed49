"""Which process `karya down` would stop."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from typer.testing import CliRunner, Result

from karya.actors.cluster.record import ClusterRecord
from karya.cli.down import running_on
from karya.cli.main import app
from karya.store.datadir import DataDirectory


def test_the_holder_of_the_data_directory_is_stopped(tmp_path: Path) -> None:
    with DataDirectory(tmp_path):
        found = running_on(tmp_path)
    assert found is not None
    assert found.pid == os.getpid()


def test_nobody_is_stopped_for_what_a_dead_cluster_left_behind(tmp_path: Path) -> None:
    """Its number may belong to anybody by now: here to this very process."""
    with DataDirectory(tmp_path):
        lock = (tmp_path / "lock").read_text()
    (tmp_path / "lock").write_text(lock)
    record = ClusterRecord(
        pid=os.getpid(), url="http://x", ray_address="x", namespace="karya", started_at=datetime.now(UTC)
    )
    record.write(tmp_path)
    assert running_on(tmp_path) is None


def test_nobody_is_stopped_where_no_cluster_ever_ran(tmp_path: Path) -> None:
    assert running_on(tmp_path / "nowhere") is None


HOLD = """if True:
    import signal, sys, time
    from pathlib import Path
    from karya.store.datadir import DataDirectory
    signal.signal(signal.SIGTERM, signal.SIG_IGN if sys.argv[2:] else signal.SIG_DFL)
    with DataDirectory(Path(sys.argv[1])):
        print("holds it", flush=True)
        time.sleep(60)
"""


@contextmanager
def holder(directory: Path, *options: str) -> Iterator[int]:
    """A process that holds the directory: its number."""
    command = [sys.executable, "-c", HOLD, str(directory), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline()
        yield process.pid
        process.kill()


def down(directory: Path, *options: str) -> Result:
    return CliRunner().invoke(app, ["down", "--data-dir", str(directory), *options])


def test_programs_are_told_what_was_stopped(tmp_path: Path) -> None:
    with holder(tmp_path) as pid:
        stopped = down(tmp_path, "--json")
    nothing = down(tmp_path, "--json")
    assert (stopped.exit_code, nothing.exit_code) == (0, 0)
    assert json.loads(stopped.stdout) == {"stopped": True, "pid": pid, "data_dir": str(tmp_path)}
    assert json.loads(nothing.stdout) == {"stopped": False, "pid": None, "data_dir": str(tmp_path)}


def test_what_takes_too_long_to_stop_is_told_by_the_code_for_that(tmp_path: Path) -> None:
    with holder(tmp_path, "stubborn") as pid:
        late = down(tmp_path, "--timeout", "0")
    assert late.exit_code == 10
    assert f"pid {pid} still stops after 0 s: `karya down` again hurries it" in late.stderr
