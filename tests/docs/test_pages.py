"""What the pages tell people to type is typed, on one cluster for all of them."""

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.blocks import PAGES, ROOT, RUN, Block, blocks_of
from tests.docs.quick import CLIENT
from tests.docs.reading import Desk, Reader
from tests.integration.cli.command import Up, environment
from tests.support.target import Target, respond

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]

COMMANDS = {
    "activate": "",
    "curl": f'exec {shutil.which("curl")} -sS "$@"',
    "karya": f'exec {sys.executable} -SEI "${{BASH_SOURCE%/*}}/karya.py" "$@"',
    "make": f'exec {shutil.which("make")} --dry-run --directory "{ROOT}" "$@"',
    "python": f'exec {sys.executable} "$@"',
}
"""As a reader's, but: a curl without a progress bar, a make that only says what it would do, a karya that is quick."""


def runs(page: Path) -> bool:
    return any(block.language in RUN and block.reason is None for block in blocks_of(page))


def install(block: Block, site: Path) -> None:
    """Does for the connector of this page what pip does with its pyproject.toml: Python finds its entry point."""
    (project,) = (other for other in blocks_of(block.page) if other.title == "pyproject.toml")
    declared = tomllib.loads(project.text)["project"]
    points = "\n".join(f"{name} = {value}" for name, value in declared["entry-points"]["karya.connectors"].items())
    info = site / f"{declared['name'].replace('-', '_')}-{declared['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {declared['name']}\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text(f"[karya.connectors]\n{points}\n")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the cluster lives, with the modules of the pages on its PYTHONPATH."""
    home = tmp_path_factory.mktemp("docs")
    for block in (block for page in PAGES for block in blocks_of(page)):
        if block.title is not None and block.title.startswith("code/"):
            saved = home / block.title
            saved.parent.mkdir(exist_ok=True)
            saved.write_text(block.text)
            if block.page.name == "connectors.md":
                install(block, home / "code")
    (home / "bin").mkdir()
    (home / "jobs").mkdir()
    for name, script in COMMANDS.items():
        (home / "bin" / name).write_text(f"#!/bin/bash\n{script}\n")
        (home / "bin" / name).chmod(0o755)
    (home / "bin" / "karya.py").write_text(CLIENT.format(socket=str(home / "quick")))
    return home


@pytest.fixture(scope="module")
def quick(home: Path) -> Iterator[None]:
    """Lets the karya of the pages answer."""
    command = [sys.executable, "-m", "tests.docs.quick", str(home / "quick")]
    started = subprocess.Popen(command, cwd=ROOT, env=environment(home), stdout=subprocess.PIPE, text=True)
    assert started.stdout is not None
    assert started.stdout.readline() == "listening\n"
    yield
    started.kill()
    started.communicate()


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    """What listens at port 9000 in the pages."""
    with Target.running() as target:
        json = {"content-type": "application/json"}
        target.script(respond(body='{"id": 17, "n": 1}', headers=json))
        target.at("/down", respond(503, "broken"))
        target.at("/work", *[respond(503, "broken", json)] * 2, respond(body='{"id": 17}', headers=json))
        yield target


@pytest.fixture(scope="module")
def addresses(home: Path, target: Target) -> Iterator[dict[str, str]]:
    """What the addresses of the pages stand for, while the cluster runs."""
    settings = {
        "PYTHONPATH": os.pathsep.join((str(home / "code"), str(ROOT))),
        "KARYA_CONNECTORS__PYTHON__MODULES": '["reports"]',
        "KARYA_CONNECTORS__PYTHON__WITHOUT_TOKEN": "true",
        "KARYA_CONNECTORS__APPEND__FOLDER": str(home / "jobs"),
    }
    with Up(home, **settings) as up:
        gateway = up.await_url().removeprefix("http://")
        yield {"127.0.0.1:8080": gateway, "127.0.0.1:9000": target.url.removeprefix("http://")}
        up.kill_everything()


@pytest.fixture
def desk(home: Path, quick: None, addresses: dict[str, str], tmp_path: Path) -> Desk:
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/bin").symlink_to(home / "bin")
    path = [str(home / "bin"), os.environ["PATH"]]
    named = {"KARYA_DATA_DIR": str(home / ".karya"), "COLUMNS": "200"}
    return Desk(tmp_path, environment(home, PATH=os.pathsep.join(path), **named), addresses)


@pytest.mark.parametrize("page", [page for page in PAGES if runs(page)], ids=lambda page: page.name)
def test_what_a_page_shows_happens(page: Path, desk: Desk) -> None:
    with Reader(desk) as reader:
        for block in blocks_of(page):
            reader.read(block)


def test_enough_is_run_to_speak_of_it() -> None:
    run: list[Block] = [block for page in PAGES for block in blocks_of(page) if block.language in RUN]
    assert sum(block.reason is None for block in run) > 60
