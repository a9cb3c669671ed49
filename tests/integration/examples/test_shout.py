"""What examples and guides promise: a package brings a connector, PYTHONPATH brings functions."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cli.command import Up, karya, until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]

EXAMPLE = Path(__file__).parents[3] / "examples" / "karya-connector-shout"
REPORTS = """
def daily(day, *, karya_context):
    return {"day": day, "attempt": karya_context["attempt"]}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("examples")


@pytest.fixture(scope="module")
def site(home: Path) -> Path:
    """A directory with the installed example, and nothing that would need a network."""
    site = home / "site"
    options = [
        "--isolated",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "--disable-pip-version-check",
        "--quiet",
    ]
    pip = [sys.executable, "-m", "pip", "install", *options, "--target", str(site), str(EXAMPLE)]
    installed = subprocess.run(pip, capture_output=True, text=True, timeout=120)
    assert installed.returncode == 0, installed.stderr
    return site


@pytest.fixture(scope="module")
def up(home: Path, site: Path) -> Iterator[Up]:
    code = home / "code"
    code.mkdir()
    (code / "reports.py").write_text(REPORTS)
    settings = {
        "PYTHONPATH": os.pathsep.join((str(site), str(code))),
        "KARYA_CONNECTORS__SHOUT__FILE": str(home / "shouts.txt"),
        "KARYA_CONNECTORS__PYTHON__MODULES": '["reports"]',
        "KARYA_CONNECTORS__PYTHON__WITHOUT_TOKEN": "true",
    }
    with Up(home, "--workers", "1", **settings) as started:
        started.await_url()
        yield started


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


def test_a_function_on_the_python_path_is_called(home: Path, up: Up) -> None:
    action = {
        "type": "python",
        "function": "reports:daily",
        "args": ["2026-11-23"],
        "resources": {"num_cpus": 0},
    }
    task = task_of(home, action)
    assert (task["status"], task["result"]) == ("SUCCEEDED", {"day": "2026-11-23", "attempt": 1})
