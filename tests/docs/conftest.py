"""One cluster for all pages and examples, with what they tell people to install."""

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.blocks import PAGES, ROOT, Block, blocks_of
from tests.docs.quick import CLIENT
from tests.integration.cli.command import Up, environment
from tests.support.target import Target, respond

EXAMPLE = ROOT / "examples" / "karya-connector-shout"
COMMANDS = {
    "activate": "",
    "curl": f'exec {shutil.which("curl")} -sS "$@"',
    "karya": f'exec {sys.executable} -SEI "${{BASH_SOURCE%/*}}/karya.py" "$@"',
    "make": f'exec {shutil.which("make")} --dry-run --directory "{ROOT}" "$@"',
    "python": f'exec {sys.executable} "$@"',
}
"""A curl without a progress bar, a make that only says what it would do, a karya that is quick."""


def _declare(block: Block, site: Path) -> None:
    """Does what pip does with this pyproject.toml, so that Python finds the entry point."""
    project = tomllib.loads(block.text)["project"]
    points = "\n".join(
        f"{name} = {value}" for name, value in project["entry-points"]["karya.connectors"].items()
    )
    info = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text(f"[karya.connectors]\n{points}\n")


@pytest.fixture(scope="package")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the cluster lives, with the modules of the pages in code/ and the commands of readers in bin/."""
    home = tmp_path_factory.mktemp("docs")
    for name in ("bin", "code", "jobs"):
        (home / name).mkdir()
    for block in (block for page in PAGES for block in blocks_of(page)):
        if block.title == "pyproject.toml":
            _declare(block, home / "code")
        elif block.title is not None and block.title.startswith("code/"):
            (home / block.title).write_text(block.text)
    for name, script in COMMANDS.items():
        (home / "bin" / name).write_text(f"#!/bin/bash\n{script}\n")
        (home / "bin" / name).chmod(0o755)
    (home / "bin" / "karya.py").write_text(CLIENT.format(socket=str(home / "quick")))
    return home


@pytest.fixture(scope="package")
def site(home: Path) -> Path:
    """A directory with the installed example, and nothing that would need a network."""
    site = home / "site"
    options = ["--isolated", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", *options, "--target", str(site), str(EXAMPLE)]
    installed = subprocess.run(pip, capture_output=True, text=True, timeout=120)
    assert installed.returncode == 0, installed.stderr
    return site


@pytest.fixture(scope="package")
def up(home: Path, site: Path) -> Iterator[Up]:
    """The cluster."""
    settings = {
        "PYTHONPATH": os.pathsep.join((str(site), str(home / "code"), str(ROOT))),
        "KARYA_CONNECTORS__SHOUT__FILE": str(home / "shouts.txt"),
        "KARYA_CONNECTORS__APPEND__FOLDER": str(home / "jobs"),
        "KARYA_CONNECTORS__PYTHON__MODULES": '["reports"]',
        "KARYA_CONNECTORS__PYTHON__WITHOUT_TOKEN": "true",
    }
    with Up(home, **settings) as started:
        started.await_url()
        yield started


@pytest.fixture(scope="package")
def quick(home: Path) -> Iterator[None]:
    """Lets the karya of the pages answer."""
    command = [sys.executable, "-m", "tests.docs.quick", str(home / "quick")]
    started = subprocess.Popen(command, cwd=ROOT, env=environment(home), stdout=subprocess.PIPE, text=True)
    assert started.stdout is not None
    assert started.stdout.readline() == "listening\n"
    yield
    started.kill()
    started.communicate()


@pytest.fixture(scope="package")
def target() -> Iterator[Target]:
    """What listens at port 9000 in the pages."""
    with Target.running() as target:
        json = {"content-type": "application/json"}
        target.script(respond(body='{"id": 17, "n": 1}', headers=json))
        target.at("/down", respond(503, "broken"))
        target.at("/stock", respond(delay=25))
        target.at("/work", *[respond(503, "broken", json)] * 2, respond(body='{"id": 17}', headers=json))
        yield target
