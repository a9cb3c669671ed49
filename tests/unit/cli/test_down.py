"""Which process `karya down` would stop."""

import os
from datetime import UTC, datetime
from pathlib import Path

from karya.actors.cluster.record import ClusterRecord
from karya.cli.down import running_on
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
