"""Which process `karya down` would stop."""

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

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


@pytest.mark.parametrize("stopped", [True, False])
def test_programs_are_told_what_was_stopped(tmp_path: Path, stopped: bool) -> None:
    code = f"""if True:
        import time
        from pathlib import Path
        from karya.store.datadir import DataDirectory
        with DataDirectory(Path({str(tmp_path)!r})):
            print("holds it", flush=True)
            time.sleep(60)
    """
    with ExitStack() as stack:
        pid = None
        if stopped:
            holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
            stack.callback(holder.wait)
            stack.callback(holder.kill)
            assert holder.stdout is not None and holder.stdout.readline()
            pid = holder.pid
        done = CliRunner().invoke(app, ["down", "--json", "--data-dir", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {"stopped": stopped, "pid": pid, "data_dir": str(tmp_path)}
