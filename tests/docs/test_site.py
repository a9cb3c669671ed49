"""The site builds, strictly, with all that is made for it, and brings everything along."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT

LOADED = re.compile(r"<(?:script|img|iframe)[^>]*\ssrc=\"(?P<src>[^\"]+)|<link[^>]*\shref=\"(?P<href>[^\"]+)")


def run(*command: str) -> None:
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run([sys.executable, *command], cwd=ROOT, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = tmp_path_factory.mktemp("site")
    run("-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(built))
    return built


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 80
    for page in pages:
        for found in LOADED.finditer(page.read_text()):
            address = found["src"] or found["href"]
            assert not re.match(r"(\w+:)?//", address), f"{page.relative_to(site)}: {address}"


def test_no_page_asks_for_a_script_that_the_theme_would_load(site: Path) -> None:
    """The theme fetches Mermaid from a CDN as soon as a page has such a block."""
    assert [page for page in site.rglob("*.html") if 'class="mermaid"' in page.read_text()] == []


def test_the_reference_of_python_has_what_people_call(site: Path) -> None:
    page = (site / "reference" / "python-api" / "index.html").read_text()
    for name in (
        "karya.actors.cluster.handle.Karya.submit",
        "karya.core.views.JobView",
        "karya.core.errors.NotFound",
    ):
        assert f'id="{name}"' in page, name


def test_the_tables_and_the_rest_reference_are_true() -> None:
    run("docs/generate.py", "--check")


def test_the_pictures_are_those_of_their_sources() -> None:
    run("docs/pictures.py", "--check")


def test_every_decision_is_listed() -> None:
    decisions = ROOT / "docs" / "decisions"
    listed = (decisions / "index.md").read_text()
    assert [page.name for page in decisions.glob("0*.md") if f"({page.name})" not in listed] == []
