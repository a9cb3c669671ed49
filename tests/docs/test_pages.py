"""What the pages tell people to type is typed, on one cluster for all of them."""

import os
import socket
from pathlib import Path

import pytest

from tests.docs.blocks import PAGES, RUN, blocks_of
from tests.docs.reading import Desk, Reader
from tests.integration.cli.command import Up, environment
from tests.support.target import Target

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]


def runs(page: Path) -> bool:
    return any(block.language in RUN and block.reason is None for block in blocks_of(page))


def brings_a_target(page: Path) -> bool:
    return any(block.title == "target.py" for block in blocks_of(page))


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def desk(page: Path, home: Path, quick: None, up: Up, target: Target, tmp_path: Path) -> Desk:
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/bin").symlink_to(home / "bin")
    path = os.pathsep.join((str(home / "bin"), os.environ["PATH"]))
    named = {"PATH": path, "KARYA_DATA_DIR": str(home / ".karya"), "COLUMNS": "200"}
    port = free_port() if brings_a_target(page) else target.port
    addresses = {
        "127.0.0.1:8080": up.await_url().removeprefix("http://"),
        "127.0.0.1:9000": f"127.0.0.1:{port}",
        '"127.0.0.1", 9000': f'"127.0.0.1", {port}',
    }
    return Desk(tmp_path, environment(home, **named), addresses)


@pytest.mark.parametrize("page", [page for page in PAGES if runs(page)], ids=lambda page: page.name)
def test_what_a_page_shows_happens(page: Path, desk: Desk) -> None:
    with Reader(desk) as reader:
        for block in blocks_of(page):
            reader.read(block)
