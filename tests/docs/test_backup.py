"""The backup and the restore of the embedded MongoDB, by the commands of the page."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, blocks_of
from tests.integration.cli.command import Up, karya

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

BACKUP, RESTORE = (
    block.text.removeprefix("karya down\n").removesuffix("karya up\n")
    for block in blocks_of(ROOT / "docs/operations/backup.md")
    if block.text.startswith("karya down\n")
)


@contextmanager
def running(home: Path) -> Iterator[None]:
    """A cluster, from `karya up` to `karya down`."""
    with Up(home) as up:
        up.await_url()
        yield
        assert karya(home, "down").returncode == 0
        assert up.await_end() == 0


def submitted(home: Path, text: str) -> None:
    job = {"description": text, "schedule": {"kind": "interval", "every": "PT1H"}, "action": {"type": "noop"}}
    assert karya(home, "submit", "-", text=json.dumps(job)).returncode == 0


def descriptions(home: Path) -> list[str]:
    return [job["description"] for job in json.loads(karya(home, "jobs", "--json").stdout)["jobs"]]


def test_what_was_backed_up_is_there_again_and_the_ledger_is_clean(tmp_path: Path) -> None:
    with running(tmp_path):
        submitted(tmp_path, "before")
    subprocess.run(BACKUP, shell=True, cwd=tmp_path, check=True)
    with running(tmp_path):
        submitted(tmp_path, "behind")
        assert descriptions(tmp_path) == ["behind", "before"]
    subprocess.run(RESTORE, shell=True, cwd=tmp_path, check=True)
    with running(tmp_path):
        assert descriptions(tmp_path) == ["before"]
        assert karya(tmp_path, "audit").stdout.splitlines()[-1].strip() == "clean"
