"""The note that a running cluster leaves in its data directory, for other processes on this machine."""

from pathlib import Path

import psutil
from pydantic import BaseModel, ValidationError

from karya.core.errors import ConfigError
from karya.core.times import Instant

_FILE = "cluster.json"


class ClusterRecord(BaseModel):
    """Where a cluster can be reached."""

    pid: int
    url: str
    ray_address: str
    namespace: str
    started_at: Instant

    def write(self, data_dir: Path) -> None:
        """Leaves the note; it replaces the one of an earlier cluster in one step."""
        fresh = data_dir / f"{_FILE}.new"
        fresh.write_text(self.model_dump_json(indent=2) + "\n")
        fresh.replace(data_dir / _FILE)


def read_record(data_dir: Path) -> ClusterRecord:
    """The note of the cluster that runs on this data directory.

    Raises ConfigError when there is none.
    """
    record = _read(data_dir)
    if record is None or not _lives(record.pid):
        raise ConfigError(
            f"no cluster runs on the data directory {data_dir}: start one with `karya up`, "
            "or name its directory with --data-dir"
        )
    return record


def left_behind(data_dir: Path) -> ClusterRecord | None:
    """The note of a cluster on this data directory whose `karya up` was killed; None when there is none."""
    record = _read(data_dir)
    return record if record is not None and not _lives(record.pid) else None


def _read(data_dir: Path) -> ClusterRecord | None:
    try:
        return ClusterRecord.model_validate_json((data_dir / _FILE).read_text())
    except (OSError, ValidationError):
        return None


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def remove_record(data_dir: Path) -> None:
    """Takes the note away."""
    (data_dir / _FILE).unlink(missing_ok=True)
