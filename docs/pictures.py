"""Draws docs/pictures/*.mmd as SVG: `python docs/pictures.py [--check]`.

The drawings are kept in the repository, so that neither readers nor the build need a program, and no page
loads a script for them. Each carries the digest of its source; --check says which are stale, and draws none.
Drawing takes Mermaid's command: `npm install @mermaid-js/mermaid-cli`, `mmdc` on PATH, and a Chromium that
`PUPPETEER_EXECUTABLE_PATH` names.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

PICTURES = Path(__file__).parent / "pictures"
LOOK = {
    "theme": "base",
    "htmlLabels": False,
    "flowchart": {"htmlLabels": False},
    "themeVariables": {
        "fontFamily": "sans-serif",
        "primaryColor": "#e8eaf6",
        "primaryBorderColor": "#3f51b5",
        "primaryTextColor": "#1a1a1a",
        "lineColor": "#5c6bc0",
        "noteBkgColor": "#fff8e1",
    },
}
ROOT_IN_CHROMIUM = {"args": ["--no-sandbox"]}


def digest(source: Path) -> str:
    """What a drawing of this source carries."""
    told = source.read_text() + json.dumps(LOOK, sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def stale() -> list[Path]:
    """The sources of which there is no drawing, or that of another version."""
    return [source for source in sorted(PICTURES.glob("*.mmd")) if not _is_drawn(source)]


def _is_drawn(source: Path) -> bool:
    drawing = source.with_suffix(".svg")
    return drawing.exists() and f"<!-- {digest(source)} -->" in drawing.read_text()


def draw(source: Path, directory: Path) -> None:
    """Makes the drawing of one source anew; raises CalledProcessError when Mermaid cannot."""
    look, browser = directory / "look.json", directory / "browser.json"
    look.write_text(json.dumps(LOOK))
    browser.write_text(json.dumps(ROOT_IN_CHROMIUM))
    drawing = source.with_suffix(".svg")
    options = ["-q", "-b", "white", "-c", str(look), "-p", str(browser), "-I", source.stem]
    subprocess.run(["mmdc", "-i", str(source), "-o", str(drawing), *options], check=True)  # noqa: S607
    drawing.write_text(f"{drawing.read_text().strip()}\n<!-- {digest(source)} -->\n")


def main() -> int:
    """Draws what is stale, or tells of it; returns the exit code."""
    sources = stale()
    with tempfile.TemporaryDirectory() as directory:
        for source in sources:
            print(f"{source.name} has changed")
            if "--check" not in sys.argv:
                draw(source, Path(directory))
    return int(bool(sources) and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
