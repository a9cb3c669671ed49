"""Brings the tables of docs/ that go by the model up to date: `python -m bench.scaling [--check]`."""

import sys

from bench.scaling.pages import DOCS, renewed


def main() -> int:
    """Writes them, or with --check only says which are stale; returns the exit code."""
    check, stale = "--check" in sys.argv[1:], False
    for page, text in renewed().items():
        if page.read_text() == text:
            continue
        stale = True
        print(f"{page.relative_to(DOCS.parent)} changed")
        if not check:
            page.write_text(text)
    return int(stale and check)


if __name__ == "__main__":
    sys.exit(main())
