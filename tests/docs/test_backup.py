"""The backup and the restore of the embedded MongoDB, by the commands of the page."""

import json
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, blocks_of
from tests.docs.shell import Shell
from tests.integration.cli.command import KARYA, Up, environment, karya

pytestmark = [pytest.mark.slow, pytest.mark.cluster, pytest.mark.timeout(300)]

BACKUP, RESTORE = (
    block.text.removeprefix("karya down\n").removesuffix("karya up\n")
    for block in blocks_of(ROOT / "docs/operations/backup.md")
    if block.text.startswith("karya down\n")
)


def submitted(home: Path, text: str) -> None:
    job = {"description": text, "schedule": {"kind": "interval", "every": "PT1H"}, "action": {"type": "noop"}}
    assert karya(home, "submit", "-", text=json.dumps(job)).returncode == 0


def descriptions(home: Path) -> list[str]:
    return [job["description"] for job in json.loads(karya(home, "jobs", "--json").stdout)["jobs"]]


def test_what_was_backed_up_is_there_again_and_the_ledger_is_clean(tmp_path: Path) -> None:
    with Shell(tmp_path, environment(tmp_path)) as shell:
        with Up(tmp_path) as up:
            up.await_url()
            submitted(tmp_path, "before")
            assert shell.run(f"{KARYA} down")[0] == 0
            up.await_end()
        assert shell.run(BACKUP) == (0, "")
        with Up(tmp_path) as up:
            up.await_url()
            submitted(tmp_path, "behind")
            assert descriptions(tmp_path) == ["behind", "before"]
            assert shell.run(f"{KARYA} down")[0] == 0
            up.await_end()
        assert shell.run(RESTORE) == (0, "")
        with Up(tmp_path) as up:
            up.await_url()
            assert descriptions(tmp_path) == ["before"]
            assert karya(tmp_path, "audit").stdout.endswith("clean\n")
            assert shell.run(f"{KARYA} down")[0] == 0
            up.await_end()
