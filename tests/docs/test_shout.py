"""What the example promises: a package brings a connector."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cli.command import Up, karya, until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]


def submit(home: Path, action: dict[str, Any]) -> "subprocess.CompletedProcess[str]":
    return karya(home, "submit", "-", "--json", text=json.dumps({"action": action}))


def task_of(home: Path, action: dict[str, Any]) -> dict[str, Any]:
    """The one task of a job with this action, once it has ended."""
    submitted = submit(home, action)
    assert submitted.returncode == 0, submitted.stderr
    ident = json.loads(submitted.stdout)["id"]
    summary: dict[str, Any] = {}

    def ended() -> bool:
        summary.update(json.loads(karya(home, "job", ident, "--json").stdout))
        return bool(summary["job"]["status"] == "COMPLETED")

    until(ended, 60, f"the end of job {ident}")
    (task,) = summary["tasks"]
    return dict(task)


def test_an_installed_connector_runs_jobs(home: Path, up: Up) -> None:
    task = task_of(home, {"type": "shout", "words": "hello"})
    assert (task["status"], task["result"]) == ("SUCCEEDED", {"shouted": "HELLO!"})
    assert (home / "shouts.txt").read_text() == f"{task['id']} HELLO!\n"


@pytest.mark.parametrize(
    ("fields", "words"), [({}, "action.words: required"), ({"words": "LOUD"}, "this shouts already")]
)
def test_its_model_and_its_refusals_count(home: Path, up: Up, fields: dict[str, Any], words: str) -> None:
    refused = submit(home, {"type": "shout", **fields})
    assert refused.returncode != 0
    assert words in refused.stderr


def test_without_its_section_it_is_not_configured(home: Path, site: Path) -> None:
    program = (
        "from karya.connectors.registry import load_connectors; connectors = load_connectors({}); "
        "shout = connectors['shout']; print(shout.refusal(shout.action_type(words='hello')))"
    )
    environ = {**os.environ, "PYTHONPATH": str(site)}
    asked = subprocess.run(
        [sys.executable, "-c", program], env=environ, capture_output=True, text=True, timeout=60
    )
    assert asked.stdout == "the shout connector is not configured: set connectors.shout.file in karya.yaml\n"
