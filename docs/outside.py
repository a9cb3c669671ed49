"""What mkdocs does to each page: links to files of the repository outside of docs/ become plain text.

On the site there is nothing behind them. In the repository they lead somewhere, which tests/docs checks.
"""

import re
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!\w+:|#)([^)#\s]+)(#[^)\s]*)?\)")


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Called by mkdocs with the text of a page; returns what is to be shown."""
    folder = (DOCS / page.file.src_uri).parent

    def text(link: re.Match[str]) -> str:
        inside = (folder / link[2]).resolve().is_relative_to(DOCS)
        return link[0] if inside else link[1]

    return LINK.sub(text, markdown)
